{{/* Refuses a release without a template of root e-mail addresses: no default would be safe. */}}
{{- define "batteries.requireAccountEmails" -}}
{{- $name := "BATTERIES_ACCOUNT_EMAIL_TEMPLATE" -}}
{{- $template := get .Values.operator.settings $name | default .Values.operator.accountEmailTemplate -}}
{{- $elsewhere := false -}}
{{- range .Values.operator.extraEnv }}{{ if eq (toString .name) $name }}{{ $template = .value }}{{ $elsewhere = hasKey . "valueFrom" }}{{ end }}{{ end -}}
{{- $template = $template | default "" | toString | trim -}}
{{- if not (or $template $elsewhere) -}}
{{- fail "operator.accountEmailTemplate is not set, and it has no default: it gives each AWS account its root e-mail address, and whoever reads that mailbox can take the account over. Set it to an address of yours that contains {id}, for example --set operator.accountEmailTemplate='aws+{id}@your-domain'." -}}
{{- end -}}
{{- if and $template (not (contains "{id}" $template)) -}}
{{- fail "operator.accountEmailTemplate must contain {id}: each AWS account needs its own root e-mail address, such as aws+{id}@your-domain." -}}
{{- end -}}
{{- if and $template (not (regexMatch "^[^@\\s]+@[^@\\s]+[.][^@\\s]+$" $template)) -}}
{{- fail "operator.accountEmailTemplate must be one e-mail address that contains {id}, such as aws+{id}@your-domain." -}}
{{- end -}}
{{- end -}}

{{/* What the operator's container and its init containers have in common. */}}
{{- define "batteries.operatorContainer" -}}
image: {{ include "batteries.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [batteries-operator]
{{- $own := dict
  "AWS_REGION" .Values.aws.region
  "BATTERIES_NAMESPACES" (include "batteries.watched" .)
  "BATTERIES_ACCOUNT_EMAIL_TEMPLATE" .Values.operator.accountEmailTemplate
  "BATTERIES_MAIL_SENDER" .Values.operator.mailSender
  "BATTERIES_SUPPORT_CONTACT" .Values.operator.supportContact
  "BATTERIES_PUBLIC_URL" (include "batteries.publicUrl" .)
  "BATTERIES_SUSPEND_UNPAID_SECONDS" .Values.suspendUnpaidSeconds
  "BATTERIES_PAYMENT_CLOSE_AFTER_SECONDS" .Values.paymentCloseAfterSeconds
  "BATTERIES_METRICS_PORT" .Values.operator.metricsPort
  "BATTERIES_HEALTH_PORT" .Values.operator.healthPort
  "BATTERIES_STOP_SECONDS" (max 1 (sub .Values.operator.terminationGracePeriodSeconds 5))
  "BATTERIES_LOG_FORMAT" .Values.log.format
  "BATTERIES_LOG_LEVEL" .Values.log.level
  "BATTERIES_LEASE_NAME" (printf "%s-operator" (include "batteries.fullname" .))
}}
{{- $references := list
  (dict "name" "BATTERIES_LEASE_IDENTITY" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name")))
  (dict "name" "BATTERIES_LEASE_NAMESPACE" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.namespace")))
}}
env: {{ include "batteries.environment" (dict "own" $own "references" $references "values" .Values.operator "where" "operator") | nindent 2 }}
{{- with .Values.aws.existingSecret }}
envFrom:
  - secretRef: {name: {{ . }}}
{{- end }}
resources: {{ toYaml .Values.operator.resources | nindent 2 }}
securityContext: {{ include "batteries.containerSecurity" . | nindent 2 }}
volumeMounts: {{ include "batteries.volumeMounts" .Values.operator | nindent 2 }}
{{- end }}

{{/* The operator's ports, as its environment sets them; 0 is none. */}}
{{- define "batteries.operatorMetricsPort" -}}
{{- include "batteries.port" (dict "zero" true "values" .Values.operator "where" "operator" "name" "BATTERIES_METRICS_PORT" "default" .Values.operator.metricsPort "instead" "operator.metricsPort") -}}
{{- end }}

{{- define "batteries.operatorHealthPort" -}}
{{- include "batteries.port" (dict "zero" true "values" .Values.operator "where" "operator" "name" "BATTERIES_HEALTH_PORT" "default" .Values.operator.healthPort "instead" "operator.healthPort") -}}
{{- end }}

{{/* The pod's grace period: longer than the operator's stop time, if only that is set. */}}
{{- define "batteries.operatorGrace" -}}
{{- $grace := .Values.operator.terminationGracePeriodSeconds | int -}}
{{- $stop := dict "values" .Values.operator "where" "operator" "name" "BATTERIES_STOP_SECONDS" "default" "" "instead" "operator.terminationGracePeriodSeconds" -}}
{{- if include "batteries.given" $stop }}{{ max $grace (add (include "batteries.number" $stop | float64 | ceil) 5) }}{{ else }}{{ $grace }}{{ end -}}
{{- end }}
