// SPDX-License-Identifier: Apache-2.0

// Package check holds the manifests against the types of the Kubernetes API. It
// is a module of its own: Helm and Kubernetes are no part of modeltap.
package check

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// decode reads every document strictly: fields that the API does not know, or
// that are spelt in another case, are errors.
func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, doc := range strings.Split("\n"+text, "\n---") {
		raw, err := yaml.YAMLToJSONStrict([]byte(doc))
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(raw, &head); err != nil || head.Kind == "" {
			continue // a comment
		}
		var to any
		switch head.APIVersion + " " + head.Kind {
		case "apps/v1 DaemonSet":
			to = new(appsv1.DaemonSet)
		case "v1 Namespace":
			to = new(corev1.Namespace)
		case "v1 ServiceAccount":
			to = new(corev1.ServiceAccount)
		case "v1 ConfigMap":
			to = new(corev1.ConfigMap)
		case "v1 Service":
			to = new(corev1.Service)
		case "networking.k8s.io/v1 NetworkPolicy":
			to = new(networkingv1.NetworkPolicy)
		case "monitoring.coreos.com/v1 PodMonitor", "monitoring.coreos.com/v1 ServiceMonitor", "monitoring.coreos.com/v1 PrometheusRule":
			to = new(map[string]any) // types of the Prometheus operator, not of Kubernetes
		default:
			t.Fatalf("%s %s: no type to hold it against", head.APIVersion, head.Kind)
		}
		strict, err := json.UnmarshalStrict(raw, to)
		if err != nil || len(strict) > 0 {
			t.Errorf("%s: %v %v", head.Kind, err, strict)
		}
		all[head.Kind] = to
	}
	return all
}

// render makes the manifests of the chart.
func render(t *testing.T, values map[string]any) (string, error) {
	t.Helper()
	c, err := loader.Load("../chart")
	if err != nil {
		t.Fatal(err)
	}
	return renderChart(c, values)
}

func renderChart(c *chart.Chart, values map[string]any) (string, error) {
	all, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{Name: "tap", Namespace: "observe"}, chartutil.DefaultCapabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for name, text := range files {
		if strings.HasSuffix(name, ".yaml") && strings.TrimSpace(text) != "" {
			fmt.Fprintf(&out, "\n---\n%s\n", text)
		}
	}
	return out.String(), nil
}

// pod checks what every variant promises, and returns the container.
func pod(t *testing.T, all map[string]any) (*corev1.PodSpec, *corev1.Container) {
	t.Helper()
	d, ok := all["DaemonSet"].(*appsv1.DaemonSet)
	if !ok {
		t.Fatal("no DaemonSet")
	}
	for k, v := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[k] != v {
			t.Errorf("the selector's %s=%s is not on the pods", k, v)
		}
	}
	spec := &d.Spec.Template.Spec
	if spec.HostNetwork || spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
		t.Error("host network, or a token")
	}
	for _, m := range spec.Containers[0].VolumeMounts {
		if !m.ReadOnly {
			t.Errorf("%s can be written", m.MountPath)
		}
	}
	if !*spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem {
		t.Error("the root file system can be written")
	}
	return spec, &spec.Containers[0]
}

func hostPaths(spec *corev1.PodSpec) (all []string) {
	for _, v := range spec.Volumes {
		if v.HostPath != nil {
			all = append(all, v.HostPath.Path)
		}
	}
	return all
}

// least checks the pod of a preset.
func least(t *testing.T, all map[string]any, hostPID bool, caps ...corev1.Capability) {
	t.Helper()
	spec, c := pod(t, all)
	s := c.SecurityContext
	if s.Privileged != nil || *s.AllowPrivilegeEscalation || !*spec.SecurityContext.RunAsNonRoot || *spec.SecurityContext.RunAsUser != 65534 ||
		spec.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault || spec.HostPID != hostPID {
		t.Errorf("%+v %+v", s, spec.SecurityContext)
	}
	if !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || !slices.Equal(s.Capabilities.Add, caps) {
		t.Errorf("capabilities %+v, want %v", s.Capabilities, caps)
	}
	if got := hostPaths(spec); !slices.Equal(got, []string{"/sys/fs/cgroup", "/var/log/pods", "/var/log/containers"}) {
		t.Errorf("paths of the node: %v", got)
	}
}

func TestPlainManifest(t *testing.T) {
	text, err := os.ReadFile("../modeltap.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := decode(t, string(text))
	if len(all) != 4 {
		t.Errorf("%d kinds, want 4", len(all))
	}
	least(t, all, true, "BPF", "NET_ADMIN", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH")
}

func TestChart(t *testing.T) {
	for name, c := range map[string]struct {
		values map[string]any
		check  func(*testing.T, map[string]any)
	}{
		"as it is": {nil, func(t *testing.T, all map[string]any) {
			least(t, all, true, "BPF", "NET_ADMIN", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH")
			if len(all) != 2 {
				t.Errorf("%d kinds: monitors and policies are off by default", len(all))
			}
		}},
		"identity from cgroups": {map[string]any{"identity": "cgroup", "socketWait": false}, func(t *testing.T, all map[string]any) {
			least(t, all, false, "BPF", "NET_ADMIN")
		}},
		"privileged": {map[string]any{"privileged": true}, func(t *testing.T, all map[string]any) {
			if _, c := pod(t, all); !*c.SecurityContext.Privileged {
				t.Error("not privileged")
			}
		}},
		"everything": {map[string]any{
			"targets": []any{"llm=8000", "[::1]:9000"}, "config": map[string]any{"targets": []any{map[string]any{"port": 8000}}},
			"gpu": map[string]any{"enabled": false, "runtimeClassName": "nvidia"}, "host": map[string]any{"enabled": false},
			"extraArgs": []any{"--log.level=debug"}, "extraEnv": []any{map[string]any{"name": "GOGC", "value": "50"}},
			"networkPolicy": map[string]any{"enabled": true}, "podMonitor": map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}},
			"imagePullSecrets": []any{map[string]any{"name": "x"}}, "nodeSelector": map[string]any{"gpu": "yes"}, "priorityClassName": "high",
		}, func(t *testing.T, all map[string]any) {
			spec, c := pod(t, all)
			want := []string{"run", "--web.listen-address=:9478", "--target=llm=8000", "--target=[::1]:9000", "--config.file=/etc/modeltap/modeltap.yml", "--no-gpu", "--no-host", "--log.level=debug"}
			if !slices.Equal(c.Args, want) || *spec.RuntimeClassName != "nvidia" || spec.NodeSelector["gpu"] != "yes" {
				t.Errorf("%v, want %v; %+v", c.Args, want, spec)
			}
			for _, kind := range []string{"NetworkPolicy", "PodMonitor", "ConfigMap", "ServiceAccount"} {
				if all[kind] == nil {
					t.Errorf("no %s", kind)
				}
			}
		}},
		"service monitor": {map[string]any{"serviceMonitor": map[string]any{"enabled": true}}, func(t *testing.T, all map[string]any) {
			if all["ServiceMonitor"] == nil || all["Service"] == nil {
				t.Error("no ServiceMonitor or Service")
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := render(t, c.values)
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, decode(t, text))
		})
	}
}

// Mistakes in values are refused, not rendered.
func TestChartRefuses(t *testing.T) {
	for name, values := range map[string]map[string]any{
		"both monitors":        {"podMonitor": map[string]any{"enabled": true}, "serviceMonitor": map[string]any{"enabled": true}},
		"a word that is none":  {"identity": "some"},
		"an unknown value":     {"hostPid": true},
		"a port":               {"targets": []any{"llm"}},
		"an unknown parameter": {"prometheusRule": map[string]any{"enabled": true, "parameters": map[string]any{"gpuMemory": 0.9}}},
		"a removed parameter":  {"prometheusRule": map[string]any{"enabled": true, "parameters": map[string]any{"lossRatio": nil}}},
		"an unknown alert":     {"prometheusRule": map[string]any{"enabled": true, "alerts": map[string]any{"GPUHot": map[string]any{"for": "1m"}}}},
		"a time that is none":  {"prometheusRule": map[string]any{"enabled": true, "alerts": map[string]any{"GPUTooHot": map[string]any{"for": "long"}}}},
		"no number":            {"web": map[string]any{"port": "9478"}},
	} {
		if text, err := render(t, values); err == nil {
			t.Errorf("%s: rendered\n%s", name, text)
		}
	}
}

func TestChartLint(t *testing.T) {
	for _, m := range lint.AllWithKubeVersion("../chart", nil, "observe", nil).Messages {
		if m.Severity > support.InfoSev {
			t.Error(m)
		}
	}
}
