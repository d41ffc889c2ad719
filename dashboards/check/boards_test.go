// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dashboard is what the checks look at.
type dashboard struct {
	file string
	raw  []byte

	UID, Title, Description, Refresh string
	ID                               any
	Tags                             []string
	Editable                         bool
	GraphTooltip, SchemaVersion      int
	Time                             struct{ From, To string }
	Panels                           []panel
	Links                            []struct {
		Type                  string
		Tags                  []string
		IncludeVars, KeepTime bool
	}
	Templating  struct{ List []variable }
	Annotations struct{ List []annotation }
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Collapsed                bool
	Panels                   []panel // of a row
	GridPos                  struct{ H, W, X, Y int }
	Datasource               source
	Targets                  []target
	FieldConfig              struct {
		Defaults struct {
			Unit, NoValue string
			Min           *float64
			Links         []struct{ URL string }
			Thresholds    struct{ Steps []struct{ Value *float64 } }
		}
		Overrides []struct {
			Matcher    struct{ ID, Options string }
			Properties []struct {
				ID    string
				Value any
			}
		}
	}
	Transformations []struct {
		ID      string
		Options struct {
			ExcludeByName map[string]bool
			RenameByName  map[string]string
		}
	}
}

type target struct {
	Datasource                        source
	Expr, RefID, LegendFormat, Format string
	Instant, Range, Exemplar          bool
}

type source struct{ Type, UID string }

type variable struct {
	Name, Type, AllValue string
	Query                string
	Multi, IncludeAll    bool
	AllowCustomValue     bool
	Current              struct{ Value any }
}

type annotation struct {
	Name, Expr string
	Datasource source
	Target     target
}

// dashboards reads all that are committed.
func dashboards(t *testing.T) []dashboard {
	t.Helper()
	paths, err := filepath.Glob("../*.json")
	if err != nil || len(paths) != 5 {
		t.Fatalf("%d dashboards, want 5, %v", len(paths), err)
	}
	var all []dashboard
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := parse(filepath.Base(path), raw)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, d)
	}
	return all
}

func parse(file string, raw []byte) (dashboard, error) {
	d := dashboard{file: file, raw: raw}
	return d, json.Unmarshal(raw, &d)
}

// all returns every panel that is no row, those of collapsed rows too.
func (d dashboard) all() []panel {
	var found []panel
	for _, p := range d.Panels {
		if p.Type == "row" {
			found = append(found, p.Panels...)
		} else {
			found = append(found, p)
		}
	}
	return found
}

func (d dashboard) variable(name string) *variable {
	for i := range d.Templating.List {
		if d.Templating.List[i].Name == name {
			return &d.Templating.List[i]
		}
	}
	return nil
}

func (d dashboard) seed() bool { return d.UID == "modeltap-seed" }

// value is what stands in an expression for a variable as it is when the
// dashboard is opened.
func (v variable) value() string {
	if v.IncludeAll {
		return v.AllValue
	}
	s, _ := v.Current.Value.(string)
	return s
}

// several is what Grafana writes for chosen values of a variable that may have
// several: a group of a regular expression, with its backslashes doubled for
// the string of PromQL around it.
func several(values ...string) string {
	escaped := make([]string, len(values))
	for i, v := range values {
		var b strings.Builder
		for _, r := range v {
			switch {
			case r == '\\':
				b.WriteString(`\\\\`)
			case strings.ContainsRune(`$^*{}[]+?.()|`, r):
				b.WriteString(`\\` + string(r))
			default:
				b.WriteRune(r)
			}
		}
		escaped[i] = b.String()
	}
	if len(escaped) == 1 {
		return escaped[0]
	}
	return "(" + strings.Join(escaped, "|") + ")"
}

// substitute puts values for the variables of an expression, those of Grafana
// among them.
func (d dashboard) substitute(expr string, other map[string]string) string {
	values := map[string]string{"__rate_interval": "1m", "__interval": "15s", "__range": "1h", "__range_s": "3600"}
	for _, v := range d.Templating.List {
		values[v.Name] = v.value()
	}
	for name, v := range other {
		values[name] = v
	}
	return variables.ReplaceAllStringFunc(expr, func(found string) string {
		if v, ok := values[strings.Trim(found, "${}")]; ok {
			return v
		}
		return found
	})
}
