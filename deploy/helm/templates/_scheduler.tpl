{{/* As `open-local scheduler-config deployment` prints it, with the certificates in files. */}}
{{- define "open-local.schedulerConfiguration" -}}
{{- $name := printf "%s-scheduler" .Values.name -}}
{{- $host := printf "%s.%s.svc" (include "open-local.service" .) (include "open-local.namespace" .) -}}
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: true
  resourceName: {{ $name }}
  resourceNamespace: {{ include "open-local.namespace" . }}
profiles:
  - schedulerName: {{ $name }}
extenders:
  - urlPrefix: https://{{ $host }}:{{ .Values.extender.port }}/scheduler
    filterVerb: filter
    preemptVerb: preempt
    prioritizeVerb: prioritize
    {{- if .Values.extender.bind }}
    bindVerb: bind
    {{- end }}
    weight: 10
    enableHTTPS: true
    nodeCacheCapable: true
    ignorable: true
    httpTimeout: 5s
    {{- if include "open-local.markedPods" . }}
    managedResources:
      - name: csi.aliyun.com/volume
    {{- end }}
    tlsConfig:
      serverName: {{ $host }}
      caFile: /etc/open-local-tls/ca.crt
      certFile: /etc/open-local-tls/tls.crt
      keyFile: /etc/open-local-tls/tls.key
{{- end }}
