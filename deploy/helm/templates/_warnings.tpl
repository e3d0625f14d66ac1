{{/* Keys of open-local's values.yaml that mean nothing here, and what does not become as values say: one a line. */}}
{{- define "open-local.warnings" -}}
{{- range $key, $_ := .Values.images }}
images.{{ $key }}: {{ if eq $key "local" }}it is the existing open-local's program: use image.repository and image.tag
{{- else if eq $key "registrar" }}the agent registers the driver itself: there is no such container
{{- else if eq $key "snapshot_controller" }}snapshot-controller belongs to the cluster, and this chart brings none: https://github.com/kubernetes-csi/external-snapshotter
{{- else }}older sidecars do not know the flags that are used: use sidecars.{{ $key }}.repository and .tag
{{- end }}
{{- end }}
{{- with .Values.agent.name }}{{ if ne . (printf "%s-agent" $.Values.name) }}
agent.name: the agent is called after `name`: {{ $.Values.name }}-agent
{{- end }}{{ end }}
{{- if .Values.agent.spdk }}
agent.spdk: there is no SPDK here: volumes on SPDK devices are not served
{{- end }}
{{- if hasKey .Values.agent "driverMode" }}
agent.driverMode: the operator is the CSI controller and the agent the CSI node, always
{{- end }}
{{- if hasKey .Values.extender "init_job" }}
extender.init_job: nothing is changed on the control plane's nodes: `open-local scheduler-config` prints what kube-scheduler needs, or use scheduler.enabled=true
{{- end }}
{{- if hasKey (.Values.controller | default dict) "framework_scheduler_names" }}
controller.framework_scheduler_names: there is no scheduler plug-in here, kube-scheduler asks the extender
{{- end }}
{{- if hasKey (.Values.global | default dict) "NumOfMasters" }}
global.NumOfMasters: no job runs on the control plane's nodes
{{- end }}
{{- if dig "enabled" false (.Values.monitor | default dict) }}
monitor.enabled: a ServiceMonitor is made, and no dashboard (dashboards.enabled): the one of open-local goes on working, metrics have the same names
{{- end }}
{{- range $kind := list "StorageClass" "VolumeAttributesClass" }}
{{- range $key, $class := get $.Values (lower $kind) | default dict }}
{{- if $class.enabled }}
{{- with include "open-local.existing" (list $ $kind $class.name) | fromYaml }}
{{- $wanted := include "open-local.parameters" $class.parameters | trim }}
{{- if ne $wanted (include "open-local.parameters" .parameters | trim) }}
{{ lower $kind }}.{{ $key }}.parameters: class {{ $class.name }} exists with others, which Kubernetes does not let anybody change. To have these: kubectl delete {{ lower $kind }} {{ $class.name }} (no volume is touched), and upgrade again
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
