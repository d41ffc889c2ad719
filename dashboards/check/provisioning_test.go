// SPDX-License-Identifier: Apache-2.0

package check

import (
	"os"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestProvisioning: what Grafana reads to find dashboards and data source.
func TestProvisioning(t *testing.T) {
	read := func(path string, to any) {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d := yaml.NewDecoder(f)
		d.KnownFields(true)
		if err := d.Decode(to); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	var boards struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name, Type, Folder    string
			AllowUIUpdates        bool `yaml:"allowUiUpdates"`
			UpdateIntervalSeconds int  `yaml:"updateIntervalSeconds"`
			Options               struct{ Path string }
		}
	}
	read("../provisioning/dashboards/modeltap.yml", &boards)
	if p := boards.Providers; boards.APIVersion != 1 || len(p) != 1 || p[0].Type != "file" || p[0].Options.Path == "" {
		t.Errorf("%+v", boards)
	}
	var sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool `yaml:"isDefault"`
			JSONData                     struct {
				HTTPMethod   string `yaml:"httpMethod"`
				TimeInterval string `yaml:"timeInterval"`
			} `yaml:"jsonData"`
		}
	}
	read("../provisioning/datasources/modeltap.yml", &sources)
	if s := sources.Datasources; sources.APIVersion != 1 || len(s) != 1 || s[0].Type != "prometheus" || !s[0].IsDefault || s[0].JSONData.TimeInterval != "15s" {
		t.Errorf("%+v", sources)
	}
}
