// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// TestDashboards: the ConfigMaps hold the repository's dashboards, byte by byte
// but for the last line's end, where Grafana's sidecar looks for them.
func TestDashboards(t *testing.T) {
	text, err := render(t, map[string]any{"dashboards": map[string]any{
		"enabled": true, "namespace": "grafana", "annotations": map[string]any{"grafana_folder": "modeltap"}}})
	if err != nil {
		t.Fatal(err)
	}
	decode(t, text) // strictly
	found := map[string]string{}
	names := map[string]bool{}
	for doc := range strings.SplitSeq(text, "\n---") {
		raw, err := yaml.YAMLToJSONStrict([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		var m corev1.ConfigMap
		if err := json.UnmarshalCaseSensitivePreserveInts(raw, &m); err != nil || m.Kind != "ConfigMap" {
			continue
		}
		if m.Namespace != "grafana" || m.Labels["grafana_dashboard"] != "1" || m.Annotations["grafana_folder"] != "modeltap" || names[m.Name] ||
			len(validation.IsDNS1123Subdomain(m.Name)) > 0 {
			t.Errorf("%s/%s: labels %v, annotations %v", m.Namespace, m.Name, m.Labels, m.Annotations)
		}
		// kubectl apply keeps a copy in an annotation, which is limited.
		if size := len(raw); size > 256<<10 {
			t.Errorf("%s has %d bytes", m.Name, size)
		}
		names[m.Name] = true
		for name, board := range m.Data {
			found[name] = board
		}
	}
	paths, err := filepath.Glob("../../../dashboards/*.json")
	if err != nil || len(paths) != 5 || len(found) != len(paths) {
		t.Fatalf("%d ConfigMaps of %d dashboards, %v", len(found), len(paths), err)
	}
	for _, path := range paths {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := found[filepath.Base(path)]; got != string(bytes.TrimSuffix(want, []byte("\n"))) {
			t.Errorf("%s is not what its ConfigMap holds", path)
		}
	}
}
