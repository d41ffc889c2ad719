// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

const envPrefix = "MODELTAP_"

// envName returns the environment variable of a flag.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(flag))
}

// serviceLink matches what Kubernetes sets in every container beside a
// Service called modeltap; it is no setting.
var serviceLink = regexp.MustCompile(`^MODELTAP(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT.*|PORT|PORT_[0-9]+_.*)$`)

// fromEnvironment returns the flags set in environ, and a warning for each
// variable that looks like a flag and is none. An empty variable sets nothing.
func fromEnvironment(environ []string, flags []*kingpin.FlagModel) (map[string]given, []string) {
	byEnv := map[string]*kingpin.FlagModel{}
	for _, f := range flags {
		byEnv[envName(f.Name)] = f
	}
	all := map[string]given{}
	var warnings []string
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		f := byEnv[name]
		switch {
		case !strings.HasPrefix(name, envPrefix) || serviceLink.MatchString(name):
		case f == nil && !isCommandFlag(name):
			names := make([]string, 0, len(byEnv))
			for n := range byEnv {
				names = append(names, n)
			}
			slices.Sort(names)
			warnings = append(warnings, fmt.Sprintf("environment variable %s names no flag and is ignored%s", name, didYouMean(name, names)))
		case f == nil || value == "":
		case repeatable(f):
			all[f.Name] = given{where: name, values: splitComma(value)}
		default:
			all[f.Name] = given{where: name, values: []string{value}}
		}
	}
	return all, warnings
}

// isCommandFlag reports whether a variable names a flag of any command, which
// another command than that ignores without a word.
func isCommandFlag(env string) bool {
	app, _ := newApp()
	for _, c := range app.Model().Commands {
		for _, f := range visible(c.FlagGroupModel) {
			if envName(f.Name) == env {
				return true
			}
		}
	}
	return false
}

func splitComma(s string) []string {
	var parts []string
	for _, p := range strings.Split(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}
