{{- define "rivermouth.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "rivermouth.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* What selects pods; never changed. Takes (list $ "web"). */}}
{{- define "rivermouth.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: rivermouth
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "rivermouth.labels" -}}
{{- $root := index . 0 -}}
{{ include "rivermouth.selector" . }}
app.kubernetes.io/version: {{ $root.Values.image.tag | default $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end }}

{{/* What all pods have in common, of a pod's spec. */}}
{{- define "rivermouth.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext: {{ toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: {}
{{- end }}

{{/* What all containers have in common. */}}
{{- define "rivermouth.container" -}}
image: {{ include "rivermouth.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{ toYaml .Values.securityContext | nindent 2 }}
envFrom:
  - secretRef: { name: {{ .Values.existingSecret }} }
env:
  {{- range $name, $value := .Values.env }}
  - { name: {{ $name }}, value: {{ $value | quote }} }
  {{- end }}
  - { name: HANDOVER_S, value: {{ .Values.shutdown.handoverS | quote }} }
  - { name: CHAT_DRAIN_S, value: {{ .Values.shutdown.drainS | quote }} }
volumeMounts:
  - { name: tmp, mountPath: /tmp }
{{- end }}
