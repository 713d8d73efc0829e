{{/* The beginning of all names. */}}
{{- define "batteries.fullname" -}}
{{- $whole := .Values.fullnameOverride -}}
{{- if not $whole -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $whole = ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- end -}}
{{- /* A release's name may hold dots, a Service's may not. */ -}}
{{- regexReplaceAll "-+$" ($whole | replace "." "-" | trunc 52) "" -}}
{{- end }}

{{/* The name of one object, 63 characters at most with its suffix: (dict "root" $ "suffix" "-apiserver-metrics"). */}}
{{- define "batteries.objectName" -}}
{{- $room := sub 63 (len .suffix) | int -}}
{{- regexReplaceAll "-+$" (include "batteries.fullname" .root | trunc $room) "" }}{{ .suffix }}
{{- end }}

{{/* A value as the text that Kubernetes expects; a number without an exponent, not as 5.24288e+05. */}}
{{- define "batteries.text" -}}
{{- if kindIs "float64" . }}{{ if eq . (floor .) }}{{ . | int64 }}{{ else }}{{ . }}{{ end }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{/* A map with all its values as text, as labels, annotations and node selectors require. */}}
{{- define "batteries.strings" -}}
{{- $made := dict -}}
{{- range $key, $value := . }}{{ if not (kindIs "invalid" $value) }}{{ $_ := set $made $key (include "batteries.text" $value) }}{{ end }}{{ end -}}
{{- toYaml $made -}}
{{- end }}

{{/* Names of cluster-wide objects, so that two releases don't collide. */}}
{{- define "batteries.clusterName" -}}
{{- if .Values.fullnameOverride -}}{{ include "batteries.fullname" . }}
{{- else -}}{{ printf "%s-%s" .Release.Namespace (include "batteries.fullname" .) }}{{- end -}}
{{- end }}

{{- /*
Labels of every object; of a component where one is given: (dict "root" $ "component" "operator" "more" (dict …)).
commonLabels replace ours, `more` replace those, and nobody replaces what selectors ask for.
*/ -}}
{{- define "batteries.labels" -}}
{{- $ours := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/part-of" "ai-batteries-included"
-}}
{{- $common := omit .root.Values.commonLabels "app.kubernetes.io/managed-by" -}}
{{- $more := omit (.more | default dict) "app.kubernetes.io/managed-by" -}}
{{- include "batteries.strings" (mergeOverwrite $ours $common $more (include "batteries.selector" . | fromYaml)) -}}
{{- end }}

{{- define "batteries.selector" -}}
app.kubernetes.io/name: {{ regexReplaceAll "-+$" (default .root.Chart.Name .root.Values.nameOverride | trunc 63) "" | quote }}
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

{{/* The value of BATTERIES_NAMESPACES: empty for all of them. */}}
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

{{/* How many proxies are in front of the API: as given, or one if the chart renders one. */}}
{{- define "batteries.trustedProxies" -}}
{{- if not (kindIs "invalid" .Values.api.trustedProxies) -}}{{ .Values.api.trustedProxies | int }}
{{- else if or .Values.ingress.enabled .Values.httpRoute.enabled -}}1
{{- else -}}0{{- end -}}
{{- end }}

{{- /*
A container's environment, each name once: (dict "own" (dict …) "references" (list …) "values" .Values.api "where" "api").
`settings` replace what the chart sets itself, `extraEnv` replaces both and keeps its order, which $(NAME) in it needs.
*/ -}}
{{- define "batteries.environment" -}}
{{- $entries := dict -}}
{{- range $name, $value := .own }}{{ $_ := set $entries $name (dict "name" $name "value" (include "batteries.text" $value)) }}{{ end -}}
{{- range .references }}{{ $_ := set $entries .name . }}{{ end -}}
{{- range $name, $value := .values.settings }}{{ $_ := set $entries $name (dict "name" $name "value" (include "batteries.text" $value)) }}{{ end -}}
{{- $last := list -}}
{{- $seen := dict -}}
{{- range .values.extraEnv -}}
{{- if hasKey $seen .name }}{{ fail (printf "%s.extraEnv names %s twice. Keep one of them." $.where .name) }}{{ end -}}
{{- $_ := set $seen .name true -}}
{{- $_ := unset $entries .name -}}
{{- $last = append $last (ternary (set (deepCopy .) "value" (include "batteries.text" .value)) . (hasKey . "value")) -}}
{{- end -}}
{{- $all := list -}}
{{- range $name := keys $entries | sortAlpha }}{{ $all = append $all (get $entries $name) }}{{ end -}}
{{- concat $all $last | toYaml -}}
{{- end }}

{{- /*
What a variable that other objects are made from will be, such as a port or the name of the Lease:
(dict "values" .Values.api "where" "api" "name" "BATTERIES_API_PORT" "default" .Values.api.port "instead" "api.port").
With "namespace" it may also be the pod's own namespace, taken from metadata.namespace.
*/ -}}
{{- define "batteries.given" -}}
{{- $value := .default -}}
{{- if hasKey .values.settings .name }}{{ $value = get .values.settings .name }}{{ end -}}
{{- range .values.extraEnv -}}
{{- if eq .name $.name -}}
{{- $isNamespace := eq (dig "valueFrom" "fieldRef" "fieldPath" "" .) "metadata.namespace" -}}
{{- if hasKey . "value" }}{{ $value = .value }}
{{- else if and $.namespace $isNamespace }}{{ $value = $.namespace }}
{{- else }}{{ fail (printf "%s.extraEnv takes %s from another source, but the chart needs its value for other objects. Set %s instead." $.where .name $.instead) }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- include "batteries.text" $value -}}
{{- end }}

{{/* The same for a number. */}}
{{- define "batteries.number" -}}
{{- $text := include "batteries.given" . -}}
{{- if not (regexMatch "^[0-9]+([.][0-9]+)?$" $text) }}{{ fail (printf "%s is %q, which is not a number. Set it with %s." .name $text .instead) }}{{ end -}}
{{- $text -}}
{{- end }}

{{/* The same for a port; "zero" says that 0 is allowed and means none. */}}
{{- define "batteries.port" -}}
{{- $text := include "batteries.number" . -}}
{{- $port := $text | float64 -}}
{{- if or (ne $port (floor $port)) (gt $port 65535.0) (and (lt $port 1.0) (not .zero)) }}{{ fail (printf "%s is %s, which is not a valid port. Set it with %s." .name $text .instead) }}{{ end -}}
{{- $port | int -}}
{{- end }}

{{/* Refuses two servers of one program on one port: (list "9090" "BATTERIES_API_PORT" "9090" "BATTERIES_API_METRICS_PORT"). */}}
{{- define "batteries.twoPorts" -}}
{{- if and (eq (index . 0) (index . 2)) (ne (index . 0) "0") }}{{ fail (printf "%s and %s are both %s. Use different ports." (index . 1) (index . 3) (index . 0)) }}{{ end -}}
{{- end }}

{{/* Whether the cluster assigns users and groups itself, as OpenShift does; "" for no. */}}
{{- define "batteries.openshift" -}}
{{- if kindIs "bool" .Values.openshift }}{{ if .Values.openshift }}yes{{ end }}
{{- else if .Capabilities.APIVersions.Has "security.openshift.io/v1" }}yes{{ end -}}
{{- end }}

{{/* Pods as the restricted Pod Security Standard requires; on OpenShift without the ids that it assigns itself. */}}
{{- define "batteries.podSecurity" -}}
{{- $context := deepCopy .Values.podSecurityContext -}}
{{- if include "batteries.openshift" . -}}
{{- range list "runAsUser" "runAsGroup" "fsGroup" -}}
{{- if eq (get $context . | int64) 65532 }}{{ $_ := unset $context . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toYaml $context -}}
{{- end }}

{{- define "batteries.containerSecurity" -}}
{{- toYaml .Values.containerSecurityContext -}}
{{- end }}

{{/* The volumes of a pod: .Values.operator or .Values.api. */}}
{{- define "batteries.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- with .extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "batteries.volumeMounts" -}}
- {name: tmp, mountPath: /tmp}
{{- with .extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Where pods go: (dict "root" $ "component" "operator" "values" .Values.operator). */}}
{{- define "batteries.scheduling" -}}
{{- with .values.nodeSelector }}
nodeSelector: {{ include "batteries.strings" . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .values.hostAliases }}
hostAliases: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.dnsConfig }}
dnsConfig: {{ toYaml . | nindent 2 }}
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
