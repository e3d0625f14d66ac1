{{- define "open-local.namespace" -}}
{{ .Values.namespace | default .Release.Namespace }}
{{- end }}

{{- define "open-local.service" -}}
{{ .Values.extender.name | default (printf "%s-scheduler-extender" .Values.name) }}
{{- end }}

{{/* Labels of every object. */}}
{{- define "open-local.labels" -}}
app.kubernetes.io/name: {{ .Values.name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.customLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The name, the namespace and the labels of an object: (list $ "name"). */}}
{{- define "open-local.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ include "open-local.namespace" $root }}
labels:
  {{- include "open-local.labels" $root | nindent 2 }}
{{- end }}

{{/* The same of an object without a namespace. */}}
{{- define "open-local.clusterMetadata" -}}
name: {{ index . 1 }}
labels:
  {{- include "open-local.labels" (index . 0) | nindent 2 }}
{{- end }}

{{/* Which pods, as a flow mapping: (list $ "operator"). */}}
{{- define "open-local.pods" -}}
{ app.kubernetes.io/name: {{ (index . 0).Values.name }}, app.kubernetes.io/component: {{ index . 1 }} }
{{- end }}

{{/* One image, from the registry that has all of them if there is one: (list $ "repository" "tag"). */}}
{{- define "open-local.image" -}}
{{- $root := index . 0 -}}
{{- $repository := index . 1 -}}
{{- $registry := $root.Values.imageRegistry -}}
{{- with $root.Values.global }}{{ with .RegistryURL }}{{ if ne . "docker.io" }}{{ $registry = . }}{{ end }}{{ end }}{{ end -}}
{{- if $registry -}}
{{- $parts := splitList "/" $repository -}}
{{- $host := first $parts -}}
{{- if and (gt (len $parts) 1) (or (contains "." $host) (contains ":" $host) (eq $host "localhost")) -}}
{{- $parts = rest $parts -}}
{{- end -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" $registry) (join "/" $parts) -}}
{{- end -}}
{{ $repository }}:{{ index . 2 }}
{{- end }}

{{- define "open-local.ownImage" -}}
{{ include "open-local.image" (list . .Values.image.repository (.Values.image.tag | default .Chart.AppVersion)) }}
{{- end }}

{{- define "open-local.pullPolicy" -}}
{{ dig "ImagePullPolicy" .Values.image.pullPolicy (.Values.global | default dict) }}
{{- end }}

{{- define "open-local.kubeletDir" -}}
{{ .Values.agent.kubelet_dir | default .Values.agent.kubeletDir | trimSuffix "/" }}
{{- end }}

{{- define "open-local.mountRoot" -}}
{{ .Values.agent.mountRoot | default (printf "/mnt/%s" .Values.name) }}
{{- end }}

{{- define "open-local.updateNls" -}}
{{ dig "update_nls" .Values.operator.updateNls (.Values.controller | default dict) | toString }}
{{- end }}

{{- define "open-local.tlsSecret" -}}
{{ .Values.tls.secretName | default (printf "%s-extender-tls" .Values.name) }}
{{- end }}

{{- define "open-local.tlsClientSecret" -}}
{{ .Values.tls.clientSecretName | default (printf "%s-client" (include "open-local.tlsSecret" .)) }}
{{- end }}

{{/* "true" or nothing. */}}
{{- define "open-local.snapshots" -}}
{{- $enabled := toString .Values.snapshots.enabled -}}
{{- if or (eq $enabled "true") (and (eq $enabled "auto") (.Capabilities.APIVersions.Has "snapshot.storage.k8s.io/v1")) -}}
true
{{- end -}}
{{- end }}

{{/* Whose pods are marked: "all", "own" (of the second scheduler), or nothing. */}}
{{- define "open-local.markedPods" -}}
{{- $mark := toString .Values.scheduler.markPods -}}
{{- $isNew := semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version -}}
{{- if eq $mark "true" -}}
{{- if not $isNew }}{{ fail (printf "scheduler.markPods: it needs Kubernetes 1.36 (MutatingAdmissionPolicy v1), and this is %s" .Capabilities.KubeVersion.Version) }}{{ end -}}
{{- if .Values.operator.nodeAntiAffinity }}{{ fail "scheduler.markPods: operator.nodeAntiAffinity keeps pods without volumes away from nodes, and the extender would not be asked about them: leave one of both out" }}{{ end -}}
all
{{- else if and (eq $mark "auto") .Values.scheduler.enabled $isNew (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy") (not .Values.operator.nodeAntiAffinity) -}}
own
{{- end -}}
{{- end }}

{{/* The names under which volumes are ours, as a list of CEL: src/model/decode.ts, driversOf. */}}
{{- define "open-local.drivers" -}}
{{- $ours := list "local.csi.aliyun.com" "yodaplugin.csi.alibabacloud.com" -}}
'{{ join "', '" (ternary $ours (list .Values.driver) (has .Values.driver $ours)) }}'
{{- end }}

{{- define "open-local.monitored" -}}
{{- if or .Values.serviceMonitor.enabled (dig "enabled" false (.Values.monitor | default dict)) -}}
true
{{- end -}}
{{- end }}

{{/* Parameters of a class as strings: a number in values has come as a float. */}}
{{- define "open-local.parameters" -}}
{{- range $name, $value := . }}
{{ $name }}: {{ if kindIs "float64" $value }}{{ $value | int64 | toString | quote }}{{ else }}{{ $value | toString | quote }}{{ end }}
{{- end }}
{{- end }}

{{/* What a container must not have. */}}
{{- define "open-local.locked" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* What a pod is told of where to run: (dict "root" $ "of" .Values.agent). */}}
{{- define "open-local.placing" -}}
{{- with .of.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The spec of the NodeLocalStorageInitConfig, or nothing: values, the device of open-local's values, what exists. */}}
{{- define "open-local.initConfig" -}}
{{- $exists := dict -}}
{{- /* Helm cannot look up what the cluster has no kind of. */ -}}
{{- if .Capabilities.APIVersions.Has "csi.aliyun.com/v1alpha1" -}}
{{- $exists = lookup "csi.aliyun.com/v1alpha1" "NodeLocalStorageInitConfig" "" .Values.name -}}
{{- end -}}
{{- if .Values.initConfig -}}
{{ toYaml .Values.initConfig }}
{{- else if .Values.agent.device -}}
globalConfig:
  listConfig:
    vgs:
      include: ['{{ .Values.name }}-pool-[0-9]+', 'yoda-pool[0-9]+', ackdistro-pool]
  resourceToBeInited:
    vgs:
      - name: {{ .Values.name }}-pool-0
        devices: [{{ .Values.agent.device }}]
{{- else if $exists -}}
{{ toYaml $exists.spec }}
{{- end -}}
{{- end }}

{{/* The class of a kind of storage.k8s.io that the cluster has by this name, or nothing: (list $ "StorageClass" "name"). */}}
{{- define "open-local.existing" -}}
{{- if (index . 0).Capabilities.APIVersions.Has (printf "storage.k8s.io/v1/%s" (index . 1)) -}}
{{- lookup "storage.k8s.io/v1" (index . 1) "" (index . 2) | toYaml -}}
{{- end -}}
{{- end }}
