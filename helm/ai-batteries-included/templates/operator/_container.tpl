{{/* Refuses a release whose root e-mail addresses nobody has chosen: there is no default that would be safe. */}}
{{- define "batteries.requireAccountEmails" -}}
{{- $name := "BATTERIES_ACCOUNT_EMAIL_TEMPLATE" -}}
{{- $elsewhere := false -}}
{{- range .Values.operator.extraEnv }}{{ if eq (toString .name) $name }}{{ $elsewhere = true }}{{ end }}{{ end -}}
{{- $template := get .Values.operator.settings $name | default .Values.operator.accountEmailTemplate -}}
{{- if not (or $template $elsewhere) -}}
{{- fail "operator.accountEmailTemplate is not set, and it has no default: it makes the root e-mail address of each AWS account, and whoever reads that mailbox can take the account over. Set it to an address of yours that holds {id}, for example --set operator.accountEmailTemplate='aws+{id}@your-domain'." -}}
{{- end -}}
{{- if and $template (not (contains "{id}" $template)) -}}
{{- fail "operator.accountEmailTemplate must hold {id}: each AWS account needs its own root e-mail address, such as aws+{id}@your-domain." -}}
{{- end -}}
{{- end }}

{{/* What the operator's container and its init containers have in common. */}}
{{- define "batteries.operatorContainer" -}}
image: {{ include "batteries.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [batteries-operator]
env:
  {{- $own := dict
    "AWS_REGION" .Values.aws.region
    "BATTERIES_NAMESPACES" (include "batteries.watched" .)
    "BATTERIES_ACCOUNT_EMAIL_TEMPLATE" .Values.operator.accountEmailTemplate
    "BATTERIES_MAIL_SENDER" .Values.operator.mailSender
    "BATTERIES_SUPPORT_CONTACT" .Values.operator.supportContact
    "BATTERIES_PUBLIC_URL" (include "batteries.publicUrl" .)
    "BATTERIES_SUSPEND_UNPAID_SECONDS" .Values.suspendUnpaidSeconds
    "BATTERIES_METRICS_PORT" .Values.operator.metricsPort
    "BATTERIES_HEALTH_PORT" .Values.operator.healthPort
    "BATTERIES_LOG_FORMAT" .Values.log.format
    "BATTERIES_LOG_LEVEL" .Values.log.level
    "BATTERIES_LEASE_NAME" (printf "%s-operator" (include "batteries.fullname" .))
  }}
  {{- include "batteries.environment" (mergeOverwrite $own .Values.operator.settings) | indent 2 }}
  - name: BATTERIES_LEASE_IDENTITY
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  - name: BATTERIES_LEASE_NAMESPACE
    valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
  {{- with .Values.operator.extraEnv }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with .Values.aws.existingSecret }}
envFrom:
  - secretRef: {name: {{ . }}}
{{- end }}
resources: {{ toYaml .Values.operator.resources | nindent 2 }}
securityContext: {{ include "batteries.containerSecurity" . | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- with .Values.operator.extraVolumeMounts }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}
