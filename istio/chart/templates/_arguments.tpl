{{- /* The command line of `evenkeel serve`. */}}
{{- define "evenkeel.arguments" -}}
- serve
- --xds-address={{ .Values.xds.bindAddress }}:18000
- --admin-address={{ .Values.xds.bindAddress }}:18001
- --filter-address={{ .Values.xds.bindAddress }}:18002
{{- if .Values.policies.enabled }}
- --policies-from-cluster
- --istio-version={{ .Values.mesh.istioVersion }}
- --control-plane-host=evenkeel-rebalance.{{ .Release.Namespace }}.svc.{{ .Values.mesh.clusterDomain }}
- --xds-host=evenkeel-xds.{{ .Release.Namespace }}.svc.{{ .Values.mesh.clusterDomain }}
- --filter-host=evenkeel-filter.{{ .Release.Namespace }}.svc.{{ .Values.mesh.clusterDomain }}
{{- if ne .Values.xds.security "none" }}
- --control-plane-identity=spiffe://{{ .Values.mesh.trustDomain }}/ns/{{ .Release.Namespace }}/sa/{{ .Values.serviceAccount.name }}
{{- end }}
{{- end }}
{{- if .Values.policies.paused }}
- --paused
{{- end }}
{{- if eq .Values.xds.security "tls" }}
- --tls-cert=/var/run/secrets/evenkeel.dev/xds/tls.crt
- --tls-key=/var/run/secrets/evenkeel.dev/xds/tls.key
- --client-ca=/var/run/secrets/evenkeel.dev/xds/ca.crt
{{- else }}
- --insecure
{{- end }}
{{- if eq .Values.xds.security "mesh" }}
- --trust-xfcc
{{- end }}
{{- if and .Values.xds.endpointReaders (eq .Values.xds.security "none") }}
{{- fail "xds.endpointReaders: nobody can prove a namespace with `xds.security: none`; use mesh or tls" }}
{{- end }}
{{- range .Values.xds.endpointReaders }}
- --endpoint-reader-namespace={{ . }}
{{- end }}
- --trust-domain={{ .Values.mesh.trustDomain }}
- --cluster-domain={{ .Values.mesh.clusterDomain }}
- --cluster-id={{ .Values.mesh.clusterId }}
- --istio-root-namespace={{ .Values.mesh.rootNamespace }}
{{- range .Values.source.namespaces }}
- --namespace={{ . }}
{{- end }}
{{- with .Values.source.selector }}
- {{ printf "--selector=%s" . | quote }}
{{- end }}
{{- with .Values.log.filter }}
- {{ printf "--log=%s" . | quote }}
{{- end }}
- --log-format={{ .Values.log.format }}
{{- range .Values.extraArguments }}
- {{ . | quote }}
{{- end }}
{{- end }}
