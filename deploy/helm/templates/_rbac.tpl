{{/* One binding for the operators' ServiceAccount: (list $ "ClusterRole" "name"). */}}
{{- define "open-local.operatorBinding" -}}
{{- $root := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $name := index . 2 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  {{- include (ternary "open-local.clusterMetadata" "open-local.metadata" (eq $kind "ClusterRole")) (list $root $name) | nindent 2 }}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: {{ $kind }}, name: {{ $name }} }
subjects: [{ kind: ServiceAccount, name: {{ $root.Values.name }}-operator, namespace: {{ include "open-local.namespace" $root }} }]
{{- end }}
