// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"path"
	"strings"
)

// Process is what the command line of a listener's process says about it.
type Process struct {
	// Name is the recognised server, else the script's file name, else the
	// module, else comm; "" when nothing is known.
	Name string
	// Interpreter is the language run-time without its version, "" for a
	// program of its own.
	Interpreter string
	// Helper marks an inner process whose socket only its own server talks to,
	// so that observing it would count each request twice.
	Helper bool
}

// alias returns the name that people know a server by.
func alias(name string) string {
	switch name {
	case "localai":
		return "local-ai"
	case "infinity":
		return "infinity_emb"
	case "mistralrs":
		return "mistralrs-server"
	case "text_generation_server":
		return "text-generation-server"
	case "waitress-serve":
		return "waitress"
	}
	return name
}

// Programs tells by name which programs are worth recognising: servers, and
// those that are known to be none.
type Programs map[string]bool

// isInterpreter tells the language run-times whose scripts and modules say more
// than their own name.
func isInterpreter(name string) bool {
	switch name {
	case "python", "pypy", "node", "java", "ruby":
		return true
	}
	return false
}

// Describe reads an argument vector (/proc/PID/cmdline, split at NUL) and comm.
func (c Programs) Describe(argv []string, comm string) Process {
	if len(argv) == 0 || argv[0] == "" {
		return Process{Name: comm}
	}
	// setproctitle: "gunicorn: master [app:app]", "VLLM::APIServer"
	if title, _, spoken := strings.Cut(argv[0], ":"); spoken && !strings.Contains(title, "/") {
		if n, ok := c.recognise(strings.ToLower(strings.TrimSpace(title))); ok {
			return Process{Name: n}
		}
	}
	base := path.Base(argv[0])
	if n, ok := c.recognise(base); ok {
		return Process{Name: n, Helper: n == "ollama" && len(argv) > 1 && argv[1] == "runner"}
	}
	run := interpreter(base)
	if !isInterpreter(run) {
		if n, ok := c.recognise(comm); ok {
			return Process{Name: n}
		}
		if comm != "" {
			return Process{Name: comm}
		}
		return Process{Name: base}
	}
	p := Process{Interpreter: run}
	module, script := runs(run, argv[1:])
	switch {
	case module != "":
		p.Name = module
		if n, ok := c.recogniseModule(module); ok {
			p.Name = n
		}
	case script != "":
		p.Name = path.Base(script)
		if n, ok := c.recognise(strings.TrimSuffix(p.Name, ".py")); ok {
			p.Name = n
		}
	default:
		p.Name = comm
		if n, ok := c.recognise(comm); ok {
			p.Name = n
		} else if comm == "" {
			p.Name = base
		}
	}
	return p
}

func (c Programs) recognise(name string) (string, bool) {
	name = alias(name)
	_, ok := c[name]
	return name, ok
}

// recogniseModule tries the longest dotted prefix first.
func (c Programs) recogniseModule(module string) (string, bool) {
	for m := module; ; {
		if n, ok := c.recognise(m); ok {
			return n, true
		}
		i := strings.LastIndexByte(m, '.')
		if i < 0 {
			return "", false
		}
		m = m[:i]
	}
}

// interpreter strips the version: python3.11 is python.
func interpreter(base string) string {
	return strings.TrimRight(base, "0123456789.")
}

// runs finds what an interpreter runs. Python's options with a value of their
// own are -m, -c, -W, -X and --check-hash-based-pycs (python --help-all); of
// the others' only Java's -jar matters.
func runs(interpreter string, args []string) (module, script string) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "" {
			continue
		}
		if a[0] != '-' {
			return "", a
		}
		if interpreter == "java" {
			if a == "-jar" && i+1 < len(args) {
				return "", args[i+1]
			}
			continue
		}
		if interpreter != "python" && interpreter != "pypy" {
			continue
		}
		switch {
		case a == "-":
			return "", ""
		case a == "--check-hash-based-pycs":
			i++
		case strings.HasPrefix(a, "--"):
		default:
			for j := 1; j < len(a); j++ { // single letters may share one dash: -um MODULE
				value := a[j+1:]
				switch a[j] {
				case 'm':
					if value == "" && i+1 < len(args) {
						value = args[i+1]
					}
					return value, ""
				case 'c':
					return "", ""
				case 'W', 'X':
					if value == "" {
						i++
					}
				default:
					continue
				}
				break
			}
		}
	}
	return "", ""
}
