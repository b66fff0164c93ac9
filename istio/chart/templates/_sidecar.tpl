{{- /* What the mesh's injector is told: probes, metrics and the filter's binary are asked for from outside the mesh, and the
API server is reached whether the sidecar is ready or not. */}}
{{- define "evenkeel.sidecar.labels" -}}
{{- if eq .Values.xds.security "mesh" -}}
sidecar.istio.io/inject: "true"
{{- with .Values.mesh.revision }}
istio.io/rev: {{ . | quote }}
{{- end }}
{{- else -}}
sidecar.istio.io/inject: "false"
{{- end }}
{{- end }}

{{- define "evenkeel.sidecar.annotations" -}}
{{- if eq .Values.xds.security "mesh" -}}
traffic.sidecar.istio.io/excludeInboundPorts: "18001,18002"
traffic.sidecar.istio.io/includeOutboundIPRanges: ""
{{- end }}
{{- end }}
