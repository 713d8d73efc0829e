{{- define "batteries.apiEnvironment" -}}
{{- $own := dict
  "BATTERIES_NAMESPACE" .Release.Namespace
  "BATTERIES_NAMESPACES" (include "batteries.watched" .)
  "BATTERIES_PUBLIC_URL" (include "batteries.publicUrl" .)
  "BATTERIES_TRUSTED_PROXIES" (include "batteries.trustedProxies" .)
  "BATTERIES_SUSPEND_UNPAID_SECONDS" .Values.suspendUnpaidSeconds
  "BATTERIES_STRIPE_TEST_MODE" .Values.stripe.testMode
  "BATTERIES_ADMIN_KEY_SECRET" .Values.api.adminKeySecret
  "BATTERIES_API_PORT" .Values.api.port
  "BATTERIES_API_METRICS_PORT" .Values.api.metricsPort
  "BATTERIES_API_SHUTDOWN_SECONDS" .Values.api.shutdownSeconds
  "BATTERIES_LOG_FORMAT" .Values.log.format
  "BATTERIES_LOG_LEVEL" (upper .Values.log.level)
}}
{{- with .Values.stripe.priceId }}{{ $_ := set $own "STRIPE_PRICE_ID" . }}{{ end }}
{{- include "batteries.environment" (mergeOverwrite $own .Values.api.settings) }}
{{- with .Values.stripe }}
{{- if .existingSecret }}
- name: STRIPE_SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .secretKeyField }}}}
- name: STRIPE_WEBHOOK_SECRET
  valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .webhookSecretField }}}}
{{- end }}
{{- end }}
{{- with .Values.api.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
