// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"regexp"
	"slices"
)

// Rules are the user's, on the paths of requests; package stream has the
// built-in ones. The expressions see the path alone, without host and query,
// and are not anchored. Immutable.
type Rules struct {
	Model  []*regexp.Regexp // model requests whatever else says
	Ignore []*regexp.Regexp // never model requests; goes before Model
}

// with returns the rules r, then those of all targets.
func (r Rules) with(all Rules) *Rules {
	return &Rules{Model: slices.Concat(r.Model, all.Model), Ignore: slices.Concat(r.Ignore, all.Ignore)}
}
