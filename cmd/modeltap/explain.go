// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"regexp"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

var (
	unknownFlag = regexp.MustCompile(`^unknown (?:long|short) flag '(--?[^']*)'`)
	unexpected  = regexp.MustCompile(`^(?:unexpected|expected command but got) (?:argument )?['"]?([^'"]*)['"]?$`)
	noValue     = regexp.MustCompile(`^expected argument for flag '(--?[^']*)'`)
	noArgument  = regexp.MustCompile(`^required argument '([^']*)' not provided`)
)

// explainUsage turns an error of kingpin into a sentence with a remedy.
func explainUsage(err error, app *kingpin.Application, ctx *kingpin.ParseContext) error {
	text := err.Error()
	if m := unknownFlag.FindStringSubmatch(text); m != nil {
		var names []string
		model := app.Model()
		for _, f := range visible(model.FlagGroupModel) {
			names = append(names, "--"+f.Name)
		}
		for _, c := range model.Commands {
			for _, f := range visible(c.FlagGroupModel) {
				names = append(names, "--"+f.Name)
			}
		}
		hint := didYouMean(m[1], names)
		if hint == "" {
			hint = ": modeltap --help lists the flags"
		}
		return usagef("unknown flag %s%s", m[1], hint)
	}
	if m := unexpected.FindStringSubmatch(text); m != nil {
		var names []string
		for _, c := range app.Model().Commands {
			if !c.Hidden && c.Name != "help" {
				names = append(names, c.Name)
			}
		}
		if ctx != nil && ctx.SelectedCommand != nil {
			return usagef("%s takes no argument %q: modeltap help %[1]s shows what it takes", ctx.SelectedCommand.FullCommand(), m[1])
		}
		hint := didYouMean(m[1], names)
		if hint == "" {
			hint = ": the commands are " + strings.Join(names, ", ")
		}
		return usagef("unknown command %q%s", m[1], hint)
	}
	if m := noValue.FindStringSubmatch(text); m != nil {
		return usagef("%s needs a value: write %[1]s=VALUE", m[1])
	}
	if m := noArgument.FindStringSubmatch(text); m != nil && ctx != nil && ctx.SelectedCommand != nil {
		return usagef("%s needs a %s: write modeltap %[1]s %[3]s", ctx.SelectedCommand.FullCommand(), m[1], strings.ToUpper(m[1]))
	}
	if errors.As(err, new(usageError)) {
		return err
	}
	return usagef("%w: modeltap --help shows what is accepted", err)
}
