{{- define "batteries.apiEnvironment" -}}
{{- $own := dict
  "BATTERIES_NAMESPACE" .Release.Namespace
  "BATTERIES_NAMESPACES" (include "batteries.watched" .)
  "BATTERIES_PUBLIC_URL" (include "batteries.publicUrl" .)
  "BATTERIES_TRUSTED_PROXIES" (include "batteries.trustedProxies" .)
  "BATTERIES_SUSPEND_UNPAID_SECONDS" .Values.suspendUnpaidSeconds
  "BATTERIES_PAYMENT_CLOSE_AFTER_SECONDS" .Values.paymentCloseAfterSeconds
  "BATTERIES_STRIPE_TEST_MODE" .Values.stripe.testMode
  "BATTERIES_ADMIN_KEY_SECRET" .Values.api.adminKeySecret
  "BATTERIES_ISSUER_KEYS_SECRET" .Values.api.issuerKeysSecret
  "BATTERIES_API_PORT" .Values.api.port
  "BATTERIES_API_METRICS_PORT" .Values.api.metricsPort
  "BATTERIES_API_SHUTDOWN_SECONDS" .Values.api.shutdownSeconds
  "BATTERIES_LOG_FORMAT" .Values.log.format
  "BATTERIES_LOG_LEVEL" (upper .Values.log.level)
}}
{{- with .Values.stripe.priceId }}{{ $_ := set $own "STRIPE_PRICE_ID" . }}{{ end }}
{{- $references := list }}
{{- range $name, $field := include "batteries.stripeSecrets" . | fromYaml }}
{{- if $.Values.stripe.asFiles }}
{{- $_ := set $own (printf "%s_FILE" $name) (printf "/etc/stripe/%s" $name) }}
{{- else }}
{{- $references = append $references (dict "name" $name "valueFrom" (dict "secretKeyRef" (dict "name" $.Values.stripe.existingSecret "key" $field))) }}
{{- end }}
{{- end }}
{{- include "batteries.environment" (dict "own" $own "references" $references "values" .Values.api "where" "api") }}
{{- end }}

{{/* The Secret with the issuer's keys, as the API server knows it; empty: none. */}}
{{- define "batteries.issuerKeysSecret" -}}
{{- include "batteries.given" (dict "values" .Values.api "where" "api" "name" "BATTERIES_ISSUER_KEYS_SECRET" "default" .Values.api.issuerKeysSecret "instead" "api.issuerKeysSecret") -}}
{{- end }}

{{/* The API server's ports and stop time, as its environment sets them; 0 means no metrics. */}}
{{- define "batteries.apiPort" -}}
{{- include "batteries.port" (dict "values" .Values.api "where" "api" "name" "BATTERIES_API_PORT" "default" .Values.api.port "instead" "api.port") -}}
{{- end }}

{{- define "batteries.apiMetricsPort" -}}
{{- include "batteries.port" (dict "zero" true "values" .Values.api "where" "api" "name" "BATTERIES_API_METRICS_PORT" "default" .Values.api.metricsPort "instead" "api.metricsPort") -}}
{{- end }}

{{- define "batteries.apiShutdownSeconds" -}}
{{- include "batteries.number" (dict "values" .Values.api "where" "api" "name" "BATTERIES_API_SHUTDOWN_SECONDS" "default" .Values.api.shutdownSeconds "instead" "api.shutdownSeconds") -}}
{{- end }}

{{/* The variables of Stripe's Secret with its fields, except those that settings or extraEnv set, or set as a file. */}}
{{- define "batteries.stripeSecrets" -}}
{{- $secrets := dict -}}
{{- with .Values.stripe -}}
{{- if .existingSecret }}{{ $secrets = dict "STRIPE_SECRET_KEY" .secretKeyField "STRIPE_WEBHOOK_SECRET" .webhookSecretField }}{{ end -}}
{{- end -}}
{{- $given := keys .Values.api.settings -}}
{{- range .Values.api.extraEnv }}{{ $given = append $given .name }}{{ end -}}
{{- range $name := keys $secrets -}}
{{- if or (has $name $given) (has (printf "%s_FILE" $name) $given) }}{{ $_ := unset $secrets $name }}{{ end -}}
{{- end -}}
{{- toYaml $secrets -}}
{{- end }}

{{/* The volume with Stripe's secrets as files, and its mount; nothing if they are variables. */}}
{{- define "batteries.stripeVolume" -}}
{{- $secrets := include "batteries.stripeSecrets" . | fromYaml -}}
{{- if and .Values.stripe.asFiles $secrets }}
- name: stripe
  secret:
    secretName: {{ .Values.stripe.existingSecret | quote }}
    items:
      {{- range $name, $field := $secrets }}
      - {key: {{ $field | quote }}, path: {{ $name }}}
      {{- end }}
{{- end }}
{{- end }}

{{- define "batteries.stripeMount" -}}
{{- if include "batteries.stripeVolume" . | trim }}
- {name: stripe, mountPath: /etc/stripe, readOnly: true}
{{- end }}
{{- end }}
