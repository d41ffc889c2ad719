// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// plain returns the pod of deploy/kubernetes/modeltap.yaml.
func plain(t *testing.T) corev1.PodSpec {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(built.repository, "deploy/kubernetes/modeltap.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return podOf(t, string(text))
}

// chart returns the pod that the Helm chart renders.
func chart(t *testing.T, values map[string]any) corev1.PodSpec {
	t.Helper()
	c, err := loader.Load(filepath.Join(built.repository, "deploy/kubernetes/chart"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{Name: "modeltap", Namespace: "modeltap"}, chartutil.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(c, all)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if strings.HasSuffix(name, "daemonset.yaml") {
			return podOf(t, text)
		}
	}
	t.Fatal("the chart has no DaemonSet")
	return corev1.PodSpec{}
}

// podOf finds the DaemonSet among documents. Nothing of its pod is changed but
// the name of the image, which comes from no registry here.
func podOf(t *testing.T, text string) corev1.PodSpec {
	t.Helper()
	for _, doc := range strings.Split("\n"+text, "\n---") {
		var d appsv1.DaemonSet
		if err := yaml.Unmarshal([]byte(doc), &d); err == nil && d.Kind == "DaemonSet" {
			spec := d.Spec.Template.Spec
			spec.Containers[0].Image = "localhost/modeltap:1"
			return spec
		}
	}
	t.Fatal("no DaemonSet")
	return corev1.PodSpec{}
}

// without takes a mount away.
func without(spec corev1.PodSpec, mountPath string) corev1.PodSpec {
	c := &spec.Containers[0]
	c.VolumeMounts = slices.DeleteFunc(slices.Clone(c.VolumeMounts), func(m corev1.VolumeMount) bool { return m.MountPath == mountPath })
	return spec
}

// withCaps gives other capabilities.
func withCaps(spec corev1.PodSpec, caps ...corev1.Capability) corev1.PodSpec {
	s := *spec.Containers[0].SecurityContext
	s.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: caps}
	spec.Containers = slices.Clone(spec.Containers)
	spec.Containers[0].SecurityContext = &s
	return spec
}

func withArgs(spec corev1.PodSpec, args ...string) corev1.PodSpec {
	spec.Containers = slices.Clone(spec.Containers)
	spec.Containers[0].Args = args
	return spec
}

// model is the pod of a model server that listens at an address.
func model(host string) corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{
		Name: "server", Image: "localhost/model:1", Args: []string{"--host", host, "--port", "8000"},
	}}}
}
