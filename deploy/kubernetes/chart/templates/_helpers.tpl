{{- define "modeltap.name" -}}
{{- if contains "modeltap" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-modeltap" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "modeltap.selector" -}}
app.kubernetes.io/name: modeltap
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "modeltap.labels" -}}
{{ include "modeltap.selector" . }}
app.kubernetes.io/component: observer
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "modeltap.capabilities" -}}
- BPF
- NET_ADMIN
{{- if .Values.socketWait }}
- PERFMON
{{- end }}
{{- if eq .Values.identity "full" }}
- SYS_PTRACE
- DAC_READ_SEARCH
{{- end }}
{{- end }}
