{{/* The beginning of all names. */}}
{{- define "batteries.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}{{- end -}}
{{- end -}}
{{- end }}

{{/* Names of what a cluster has once, so that two releases don't meet. */}}
{{- define "batteries.clusterName" -}}
{{- if .Values.fullnameOverride -}}{{ include "batteries.fullname" . }}
{{- else -}}{{ printf "%s-%s" .Release.Namespace (include "batteries.fullname" .) }}{{- end -}}
{{- end }}

{{/* Labels of every object; of a component where one is given: (dict "root" $ "component" "operator"). */}}
{{- define "batteries.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | quote }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service | quote }}
app.kubernetes.io/part-of: ai-batteries-included
{{ include "batteries.selector" . }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "batteries.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "batteries.image" -}}
{{- if .Values.image.digest -}}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{- end -}}
{{- end }}

{{/* The namespaces besides all, the release's own first, as a JSON list. */}}
{{- define "batteries.namespaces" -}}
{{- prepend .Values.namespaces.names .Release.Namespace | uniq | toJson -}}
{{- end }}

{{/* What BATTERIES_NAMESPACES says: nothing for all of them. */}}
{{- define "batteries.watched" -}}
{{- if not .Values.namespaces.all -}}{{ include "batteries.namespaces" . | fromJsonArray | join "," }}{{- end -}}
{{- end }}

{{/* Where customers reach the API. */}}
{{- define "batteries.publicUrl" -}}
{{- if .Values.api.publicUrl -}}{{ .Values.api.publicUrl }}
{{- else if and .Values.ingress.enabled .Values.ingress.hosts -}}
http{{ if .Values.ingress.tlsSecret }}s{{ end }}://{{ first .Values.ingress.hosts }}
{{- else if and .Values.httpRoute.enabled .Values.httpRoute.hostnames -}}https://{{ first .Values.httpRoute.hostnames }}
{{- else -}}http://{{ include "batteries.fullname" . }}-apiserver.{{ .Release.Namespace }}.svc:{{ .Values.service.port }}{{- end -}}
{{- end }}

{{/* How many proxies stand before the API: as given, or one where the chart puts one there. */}}
{{- define "batteries.trustedProxies" -}}
{{- if not (kindIs "invalid" .Values.api.trustedProxies) -}}{{ .Values.api.trustedProxies | int }}
{{- else if or .Values.ingress.enabled .Values.httpRoute.enabled -}}1
{{- else -}}0{{- end -}}
{{- end }}

{{/* One environment variable for each entry of a map; a number is written whole, not as 5.24288e+05. */}}
{{- define "batteries.environment" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ if kindIs "float64" $value }}{{ if eq $value (floor $value) }}{{ $value | int64 | toString | quote }}{{ else }}{{ $value | toString | quote }}{{ end }}{{ else }}{{ $value | toString | quote }}{{ end }}
{{- end }}
{{- end }}

{{/* Pods as the restricted Pod Security Standard wants them. */}}
{{- define "batteries.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "batteries.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Where pods go: (dict "root" $ "component" "operator" "values" .Values.operator). */}}
{{- define "batteries.scheduling" -}}
{{- with .values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
topologySpreadConstraints:
{{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- $labels := include "batteries.selector" . }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{ $labels | nindent 8 }}
{{- end }}
{{- end }}
{{- end }}
