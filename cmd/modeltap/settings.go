// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/modeltap/modeltap/exporter"
)

// errHelp says that help was asked for and written, so that nothing is left to do.
var errHelp = errors.New("help was shown")

// usageError is a mistake in flags, environment or configuration: exit code 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// settings is a command and everything that was set for it.
type settings struct {
	*options
	command     string
	fileTargets []fileTarget         // "targets" of the configuration file
	objectives  []exporter.Objective // "slo" of the configuration file
	values      map[string]string    // name of each flag and its value as text
	warnings    []string

	vocabularies map[string]tokenCounter // by model
}

// given is the values of one flag and the place that gave them.
type given struct {
	where  string // for an error: "--name", "MODELTAP_NAME", "FILE:3: name"
	values []string
}

// resolve finds the value of every flag: from args, else from environ (as of
// os.Environ), else from the configuration file, else the default. Help goes
// to stdout. Errors are usageErrors that name the place and the remedy.
func resolve(args, environ []string, stdout io.Writer) (*settings, error) {
	trial, _ := newApp()
	app, opts := newApp()
	app.UsageWriter(stdout).ErrorWriter(stdout).Terminate(nil)

	if len(args) > 0 && args[0] == "--completion-bash" { // what a shell asks, about a line half written
		answer(app, args)
		return nil, errHelp
	}
	ctx, err := trial.ParseContext(args)
	if err == nil && ctx.SelectedCommand == nil && !wantsHelp(ctx) {
		// kingpin's own default command swallows the error of a flag that
		// lacks its value.
		args = append([]string{cmdRun}, args...)
		ctx, err = trial.ParseContext(args)
	}
	if err != nil {
		return nil, explainUsage(err, trial, ctx)
	}
	if wantsHelp(ctx) {
		answer(app, args)
		return nil, errHelp
	}
	s := &settings{options: opts, command: ctx.SelectedCommand.FullCommand()}
	flags := visible(trial.Model().FlagGroupModel)
	global := len(flags)
	flags = append(flags, visible(ctx.SelectedCommand.Model().FlagGroupModel)...)

	onLine := fromArgs(ctx)
	inEnv, warnings := fromEnvironment(environ, flags)
	s.warnings = warnings
	file, err := readConfigFile(first(onLine, inEnv, "config.file"), flags[:global])
	if err != nil {
		return nil, usageError{err}
	}
	s.fileTargets, s.objectives = file.targets, file.slo

	for _, f := range flags {
		g, ok := onLine[f.Name]
		if !ok {
			if g, ok = inEnv[f.Name]; !ok {
				g, ok = file.values[f.Name]
			}
			if !ok {
				continue
			}
			// kingpin takes a default only where the line has no value.
			flagOf(app, s.command, f.Name).Default(g.values...)
		}
		if err := try(f, g); err != nil {
			return nil, err
		}
	}
	if _, err := app.Parse(args); err != nil {
		return nil, explainUsage(err, trial, ctx)
	}
	// kingpin hands the argument "-" over as an empty one.
	for i, f := range s.replay.files {
		if f == "" && slices.Contains(args, "-") {
			s.replay.files[i] = "-"
		}
	}
	s.values = map[string]string{}
	for _, f := range flags {
		s.values[f.Name] = flagOf(app, s.command, f.Name).Model().Value.String()
	}
	return s, s.validate()
}

// answer has kingpin write the help, completion or man page that args ask for.
// It means to exit afterwards, and goes on to the usage where it cannot.
// Completions and the man page go to the standard output of the process.
func answer(app *kingpin.Application, args []string) {
	type done struct{}
	defer func() {
		if r := recover(); r != nil && r != (done{}) {
			panic(r)
		}
	}()
	app.Terminate(func(int) { panic(done{}) })
	_, _ = app.Parse(args)
}

// visible returns the flags of g that a user can set.
func visible(g *kingpin.FlagGroupModel) []*kingpin.FlagModel {
	return slices.DeleteFunc(slices.Clone(g.Flags), func(f *kingpin.FlagModel) bool {
		return f.Hidden || f.Name == "help"
	})
}

func flagOf(app *kingpin.Application, command, name string) *kingpin.FlagClause {
	if f := app.GetFlag(name); f != nil {
		return f
	}
	return app.GetCommand(command).GetFlag(name)
}

// wantsHelp reports whether kingpin answers the line itself.
func wantsHelp(ctx *kingpin.ParseContext) bool {
	if ctx.SelectedCommand != nil && ctx.SelectedCommand.FullCommand() == "help" {
		return true
	}
	return slices.ContainsFunc(ctx.Elements, func(e *kingpin.ParseElement) bool {
		f, ok := e.Clause.(*kingpin.FlagClause)
		if !ok {
			return false
		}
		name := f.Model().Name
		return name == "help" || f.Model().Hidden
	})
}

func fromArgs(ctx *kingpin.ParseContext) map[string]given {
	all := map[string]given{}
	for _, e := range ctx.Elements {
		if f, ok := e.Clause.(*kingpin.FlagClause); ok && e.Value != nil {
			name := f.Model().Name
			all[name] = given{where: "--" + name, values: append(all[name].values, *e.Value)}
		}
	}
	return all
}

// first returns the value of name on the line, else in the environment.
func first(onLine, inEnv map[string]given, name string) string {
	for _, m := range []map[string]given{onLine, inEnv} {
		if g, ok := m[name]; ok {
			return g.values[len(g.values)-1]
		}
	}
	return ""
}

// try sets a flag of the trial command line, so that a bad value is reported
// with the place it came from.
func try(f *kingpin.FlagModel, g given) error {
	if len(g.values) > 1 && !repeatable(f) {
		return usagef("%s: given %d times: give it once", g.where, len(g.values))
	}
	for _, v := range g.values {
		if err := f.Value.Set(v); err != nil {
			remedy := ""
			if len(f.Default) > 0 {
				remedy = fmt.Sprintf(": give one like %s", f.Default[0])
			}
			return usagef("%s: %q is not a valid value (%w)%s", g.where, v, bare(err), remedy)
		}
	}
	return nil
}

func repeatable(f *kingpin.FlagModel) bool {
	c, ok := f.Value.(interface{ IsCumulative() bool })
	return ok && c.IsCumulative()
}

// bare takes the function name off an error of package strconv.
func bare(err error) error {
	if _, after, ok := strings.Cut(err.Error(), "strconv."); ok {
		if _, why, ok := strings.Cut(after, ": "); ok {
			return errors.New(why)
		}
	}
	return err
}
