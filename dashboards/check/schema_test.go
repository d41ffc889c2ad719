// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// strict reads a dashboard with the types of Grafana. What the SDK returns is
// an error value even when all is well: only its contents count.
func strict(raw []byte) error {
	plugins.RegisterDefaultPlugins()
	var d grafana.Dashboard
	err := d.UnmarshalJSONStrict(raw)
	var all cog.BuildErrors
	if errors.As(err, &all) && len(all) == 0 {
		err = nil
	}
	if err == nil {
		return invalid(d.Validate())
	}
	return err
}

func invalid(err error) error {
	var all cog.BuildErrors
	if errors.As(err, &all) && len(all) == 0 {
		return nil
	}
	return err
}

func TestSchema(t *testing.T) {
	for _, d := range dashboards(t) {
		if err := strict(d.raw); err != nil {
			t.Errorf("%s: %v", d.file, err)
		}
	}
}

// TestSchemaRefuses: the check above finds what it is there for.
func TestSchemaRefuses(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, c := range []struct{ old, with string }{
			{`"schemaVersion":`, `"schemaVersoin":`},
			{`"legendFormat":`, `"legendFromat":`},
			{`"displayMode":`, `"displayMood":`},
			{`"uid": "modeltap-`, `"uid": 7, "x": "`},
		} {
			broken := strings.Replace(string(d.raw), c.old, c.with, 1)
			if strict([]byte(broken)) == nil {
				t.Errorf("%s: nothing wrong with %s", d.file, c.with)
			}
		}
	}
}
