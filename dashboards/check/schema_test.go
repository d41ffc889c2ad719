// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"

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

func checkSchema(t reporter, ds []dashboard) {
	for _, d := range ds {
		if err := strict(d.raw); err != nil {
			t.Errorf("%s: %v", d.file, err)
		}
	}
}
