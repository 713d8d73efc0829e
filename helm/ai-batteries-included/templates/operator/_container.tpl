{{/* What the operator's container and its bootstrap have in common. */}}
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
{{- end }}
