// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// everything asks for all mutants, which takes minutes.
var everything = os.Getenv("MODELTAP_ALL_MUTANTS") != ""

// turned is a comparison that is true where the other is not.
var turned = map[parser.ItemType]parser.ItemType{
	parser.GTR: parser.LTE, parser.LTE: parser.GTR, parser.LSS: parser.GTE, parser.GTE: parser.LSS,
	parser.EQLC: parser.NEQ, parser.NEQ: parser.EQLC,
}

// mutants returns the broken forms of a rule by what is wrong with them. step is
// the time between two evaluations.
func mutants(t *testing.T, r Rule, step time.Duration) map[string]Rule {
	t.Helper()
	all := map[string]Rule{}
	e := parse(t, r.Expr)
	add := func(format string, args ...any) {
		m := r
		m.Expr = e.String()
		all[fmt.Sprintf(format, args...)] = m
	}
	guards := guards(e)
	walk(e, func(x parser.Expr) {
		where := fmt.Sprintf("%s (at %d)", x, x.PositionRange().Start)
		switch x := x.(type) {
		case *parser.BinaryExpr:
			keep := *x
			if x.Op.IsSetOperator() {
				*x = *alone(keep.LHS)
				add("without the right of %s", where)
				if keep.Op != parser.LUNLESS {
					*x = *alone(keep.RHS)
					add("without the left of %s", where)
				}
			}
			if !x.Op.IsComparisonOperator() || x.ReturnBool {
				*x = keep
				break
			}
			x.Op = turned[x.Op]
			add("turned %s", where)
			*x = keep
			if n := number(x.RHS); n != nil && !guards[x] {
				old := n.Val
				for _, v := range others(old, x.Op) {
					n.Val = v
					add("%v for %v in %s", v, old, where)
				}
				n.Val = old
			}
		case *parser.VectorSelector:
			for i, m := range x.LabelMatchers {
				if m.Name != labels.MetricName && everything {
					old := x.LabelMatchers
					x.LabelMatchers = slices.Delete(slices.Clone(old), i, i+1)
					add("without %s in %s", m, where)
					x.LabelMatchers = old
				}
			}
		}
	})
	if r.Alert == "" || !everything {
		return all
	}
	wait, _ := time.ParseDuration(r.For)
	later, earlier := r, r
	later.For, earlier.For = (wait + step).String(), (wait - step).String()
	all["one step later"] = later
	if wait > 0 {
		all["one step earlier"] = earlier
	}
	return all
}

// others returns wrong values for a threshold.
func others(v float64, op parser.ItemType) []float64 {
	switch {
	case v != 0:
		return []float64{v * 1.5, v / 1.5}
	case op == parser.EQLC:
		return []float64{1e9}
	default:
		return []float64{-1}
	}
}

// alone is an expression in the place of an operator: itself or with itself.
func alone(e parser.Expr) *parser.BinaryExpr {
	return &parser.BinaryExpr{Op: parser.LOR, LHS: &parser.ParenExpr{Expr: e}, RHS: &parser.ParenExpr{Expr: e}, VectorMatching: &parser.VectorMatching{Card: parser.CardManyToMany}}
}

// guards are comparisons with 0 that keep a ratio or a percentile from being no
// number: another number for 0 changes no more than that.
func guards(e parser.Expr) map[*parser.BinaryExpr]bool {
	found := map[*parser.BinaryExpr]bool{}
	guard := func(e parser.Expr) {
		if p, ok := e.(*parser.ParenExpr); ok {
			e = p.Expr
		}
		if b, ok := e.(*parser.BinaryExpr); ok && b.Op == parser.GTR {
			if n, ok := b.RHS.(*parser.NumberLiteral); ok && n.Val == 0 {
				found[b] = true
			}
		}
	}
	walk(e, func(x parser.Expr) {
		b, ok := x.(*parser.BinaryExpr)
		if !ok {
			return
		}
		if b.Op == parser.DIV {
			guard(b.RHS)
		}
		if c, ok := b.LHS.(*parser.Call); ok && c.Func.Name == "histogram_quantile" {
			guard(b)
		}
	})
	return found
}

// number returns the first number of e that stands in arithmetic and not in a call.
func number(e parser.Expr) *parser.NumberLiteral {
	switch e := e.(type) {
	case *parser.NumberLiteral:
		return e
	case *parser.ParenExpr:
		return number(e.Expr)
	case *parser.BinaryExpr:
		if e.Op.IsComparisonOperator() || e.Op.IsSetOperator() {
			return nil
		}
		if n := number(e.LHS); n != nil {
			return n
		}
		return number(e.RHS)
	}
	return nil
}
