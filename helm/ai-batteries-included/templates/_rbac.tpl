{{/* A Role and its binding: (dict "root" $ "component" … "suffix" … "namespace" … "rules" …); none without rules. */}}
{{- define "batteries.role" -}}
{{- if .rules }}
{{- $account := printf "%s-%s" (include "batteries.fullname" .root) .component }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $account }}{{ .suffix }}
  namespace: {{ .namespace | quote }}
  labels: {{ include "batteries.labels" . | nindent 4 }}
rules: {{ toYaml .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $account }}{{ .suffix }}
  namespace: {{ .namespace | quote }}
  labels: {{ include "batteries.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $account }}{{ .suffix }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ .root.Release.Namespace | quote }}
{{- end }}
{{- end }}

{{/* A ClusterRole and its binding: (dict "root" $ "component" … "rules" …). */}}
{{- define "batteries.clusterRole" -}}
{{- if .rules }}
{{- $name := printf "%s-%s" (include "batteries.clusterName" .root) .component }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $name }}
  labels: {{ include "batteries.labels" . | nindent 4 }}
rules: {{ toYaml .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ $name }}
  labels: {{ include "batteries.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "batteries.fullname" .root }}-{{ .component }}
    namespace: {{ .root.Release.Namespace | quote }}
{{- end }}
{{- end }}
