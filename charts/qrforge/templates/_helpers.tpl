{{- define "qrforge.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- /* Labels that select a component's pods; takes { root, component }. */}}
{{- define "qrforge.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "qrforge.labels" -}}
{{ include "qrforge.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "qrforge.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- /* The address of a service for gRPC clients; takes { root, component }. */}}
{{- define "qrforge.address" -}}
dns:///{{ include "qrforge.name" .root }}-{{ .component }}.{{ .root.Release.Namespace }}.svc:50051
{{- end }}

{{- define "qrforge.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "qrforge.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- /* The owner of all tables: for migrations and the operator's tools. */}}
{{- define "qrforge.env.database" -}}
- { name: DATABASE_URL, value: {{ .Values.database.url | quote }} }
- name: DATABASE_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .Values.database.passwordSecret.name }}, key: {{ .Values.database.passwordSecret.key }} } }
{{- end }}

{{- /* The password of a service's role; takes { root, component }. */}}
{{- define "qrforge.env.role" -}}
- name: {{ upper .component }}_DATABASE_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .root.Values.database.rolesSecret }}, key: {{ .component }} } }
{{- end }}

{{- /* A service's sign-in: as its role, or as the owner where there are no roles; takes { root, component }. */}}
{{- define "qrforge.env.serviceDatabase" -}}
{{- if .root.Values.database.rolesSecret }}
- { name: DATABASE_URL, value: {{ .root.Values.database.url | quote }} }
{{ include "qrforge.env.role" . }}
{{- else }}
{{- include "qrforge.env.database" .root }}
{{- end }}
{{- end }}

{{- /* NATS for one of its users: auth, qr, edge, operator; takes { root, component }. */}}
{{- define "qrforge.env.nats" -}}
{{- $nats := .root.Values.nats }}
{{- if $nats.urlSecret.name }}
- name: NATS_URL
  valueFrom: { secretKeyRef: { name: {{ $nats.urlSecret.name }}, key: {{ $nats.urlSecret.key }} } }
{{- else }}
- { name: NATS_URL, value: {{ $nats.url | quote }} }
{{- if and $nats.url $nats.usersSecret }}
- name: NATS_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $nats.usersSecret }}, key: {{ .component }} } }
{{- end }}
{{- end }}
{{- if has .component (list "qr" "operator") }}
- { name: NATS_REPLICAS, value: {{ $nats.replicas | quote }} }
{{- end }}
{{- end }}

{{- define "qrforge.env.smtp" -}}
{{- with .Values.mail.urlSecret }}
{{- if .name }}
- name: SMTP_URL
  valueFrom: { secretKeyRef: { name: {{ .name }}, key: {{ .key }} } }
{{- end }}
{{- end }}
{{- end }}

{{- define "qrforge.env.upstreams" -}}
{{- range $one := list "auth" "quota" "qr" }}
- { name: {{ upper $one }}_ADDRESS, value: {{ include "qrforge.address" (dict "root" $ "component" $one) | quote }} }
{{- end }}
{{- end }}

{{- define "qrforge.env.mtls" -}}
{{- if .Values.mtls.enabled }}
- { name: TLS_CERT_FILE, value: /tls/tls.crt }
- { name: TLS_KEY_FILE, value: /tls/tls.key }
- { name: TLS_CA_FILE, value: /tls/ca.crt }
{{- end }}
{{- end }}

{{- /* The environment and container of the operator's tools. */}}
{{- define "qrforge.operator" -}}
image: {{ include "qrforge.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- include "qrforge.containerSecurity" . | nindent 2 }}
env:
  {{- include "qrforge.env.database" . | nindent 2 }}
  {{- include "qrforge.env.nats" (dict "root" . "component" "operator") | nindent 2 }}
  {{- include "qrforge.env.mtls" . | nindent 2 }}
  {{- include "qrforge.env.smtp" . | nindent 2 }}
  {{- include "qrforge.env.upstreams" . | nindent 2 }}
  {{- range $one := list "auth" "quota" "qr" "edge" }}
  - { name: {{ upper $one }}_METRICS, value: "{{ include "qrforge.name" $ }}-{{ $one }}-metrics.{{ $.Release.Namespace }}.svc:9464" }
  {{- end }}
  - { name: PUBLIC_URL, value: {{ .Values.publicUrl | quote }} }
resources: {{- toYaml .Values.operator.resources | nindent 2 }}
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  {{- if .Values.mtls.enabled }}
  - { name: tls, mountPath: /tls, readOnly: true }
  {{- end }}
{{- end }}

{{- /* What the pods of jobs and tools have in common. */}}
{{- define "qrforge.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext: {{- include "qrforge.podSecurity" . | nindent 2 }}
{{- end }}

{{- /* A volume with the certificate of a name; takes { root, component }. */}}
{{- define "qrforge.volume.mtls" -}}
{{- if .root.Values.mtls.enabled }}
- name: tls
  secret: { secretName: {{ include "qrforge.name" .root }}-{{ .component }}-mtls, defaultMode: 0440 }
{{- end }}
{{- end }}

{{- /* What Helm does not know by itself: one clear message for each mistake. */}}
{{- define "qrforge.check" -}}
{{- if not .Values.publicUrl }}{{ fail "publicUrl must be set: where clients reach the suite, such as https://qr.example.com" }}{{ end }}
{{- if and .Values.mail.urlSecret.name (not .Values.mail.from) }}{{ fail "mail.from must be set with mail.urlSecret: the sender of mails" }}{{ end }}
{{- if and .Values.gateway.enabled (not .Values.gateway.parentRefs) }}{{ fail "gateway.parentRefs must name a Gateway" }}{{ end }}
{{- if and .Values.gateway.enabled .Values.edgeService.tlsSecret }}{{ fail "gateway.enabled and edgeService.tlsSecret exclude each other: a Gateway speaks clear text to the edge" }}{{ end }}
{{- end }}
