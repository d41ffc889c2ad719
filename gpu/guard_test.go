// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// unguarded are calls that need no look-up: what is there before the library
// is, what any library has, and what is guarded by an if at its one place.
var unguarded = map[string]bool{"Init": true, "Extensions": true, "LookupSymbol": true, "Shutdown": true}

// A call of a function that the library lacks ends the process. So every use of
// a driver or device stands in a call of read or ask, which look its function up.
func TestEveryDriverCallIsGuarded(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	guarded, symbols := 0, map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		inside := map[ast.Node]string{}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			if fn, ok := call.Fun.(*ast.Ident); !ok || fn.Name != "read" && fn.Name != "ask" {
				return true
			}
			literal, ok := call.Args[1].(*ast.BasicLit)
			if !ok {
				return true // read hands on to ask
			}
			symbol := literal.Value
			ast.Inspect(call.Args[2], func(n ast.Node) bool {
				if n != nil {
					inside[n] = strings.Trim(symbol, `"`)
				}
				return true
			})
			return true
		})
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok || !isDriver(s.X) || unguarded[s.Sel.Name] {
				return true
			}
			symbol, ok := inside[s]
			if !ok {
				t.Errorf("%s: %s is not in a call of read: a driver without it would end modeltap", set.Position(s.Pos()), s.Sel.Name)
				return true
			}
			guarded++
			// The symbol is that of the method: nvmlDevice + GetName, with a version.
			plain := strings.TrimPrefix(strings.TrimPrefix(symbol, "nvml"), "Device")
			method := strings.TrimPrefix(s.Sel.Name, "Device")
			if i := strings.LastIndex(plain, "_v"); i > 0 && !strings.Contains(method, "_v") {
				plain = plain[:i]
			}
			if plain != method {
				t.Errorf("%s: %s is guarded by %s", set.Position(s.Pos()), s.Sel.Name, symbol)
			}
			if other := symbols[symbol]; other != "" && other != s.Sel.Name {
				t.Errorf("%s guards both %s and %s", symbol, other, s.Sel.Name)
			}
			symbols[symbol] = s.Sel.Name
			return true
		})
	}
	if guarded < 25 {
		t.Errorf("%d guarded calls found: the test does not see them any more", guarded)
	}
}

// isDriver tells whether x is a variable of NVML: lib, d.lib, dev.
func isDriver(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "lib" || x.Name == "dev"
	case *ast.SelectorExpr:
		return x.Sel.Name == "lib"
	case *ast.StarExpr:
		return isDriver(x.X)
	}
	return false
}
