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
{{- $references := list }}
{{- with .Values.stripe }}
{{- if .existingSecret }}
{{- $references = list
  (dict "name" "STRIPE_SECRET_KEY" "valueFrom" (dict "secretKeyRef" (dict "name" .existingSecret "key" .secretKeyField)))
  (dict "name" "STRIPE_WEBHOOK_SECRET" "valueFrom" (dict "secretKeyRef" (dict "name" .existingSecret "key" .webhookSecretField)))
}}
{{- end }}
{{- end }}
{{- include "batteries.environment" (dict "own" $own "references" $references "values" .Values.api "where" "api") }}
{{- end }}

{{/* The API server's ports and its time to stop, as its environment will have them; metrics on 0 are none. */}}
{{- define "batteries.apiPort" -}}
{{- include "batteries.number" (dict "values" .Values.api "where" "api" "name" "BATTERIES_API_PORT" "default" .Values.api.port "instead" "api.port") -}}
{{- end }}

{{- define "batteries.apiMetricsPort" -}}
{{- include "batteries.number" (dict "values" .Values.api "where" "api" "name" "BATTERIES_API_METRICS_PORT" "default" .Values.api.metricsPort "instead" "api.metricsPort") -}}
{{- end }}

{{- define "batteries.apiShutdownSeconds" -}}
{{- include "batteries.number" (dict "values" .Values.api "where" "api" "name" "BATTERIES_API_SHUTDOWN_SECONDS" "default" .Values.api.shutdownSeconds "instead" "api.shutdownSeconds") -}}
{{- end }}
