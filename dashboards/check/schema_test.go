// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	queries "github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// strict reads a dashboard with the types of Grafana. What the SDK returns is
// an error value even when all is well: only its contents count.
func strict(raw []byte) error {
	// Those that the dashboards use. To register all takes a minute to compile;
	// what is not registered is read without being checked, so that checkPanels
	// knows the kinds.
	known := cog.NewRuntime()
	for _, kind := range []variants.PanelcfgConfig{heatmap.VariantConfig(), stat.VariantConfig(), table.VariantConfig(), timeseries.VariantConfig()} {
		known.RegisterPanelcfgVariant(kind)
	}
	known.RegisterDataqueryVariant(queries.VariantConfig())
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
