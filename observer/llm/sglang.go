// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

// sglang is SGLang's own /generate (sglang, docs/basic_usage/native_api.ipynb;
// managers/tokenizer_manager.py), which LMDeploy serves too
// (serve/openai/endpoints/generate.py). The text repeats what came before,
// unless SGLang runs with --stream-output; LMDeploy's does not. The counts are
// those of one choice.
var sglang = &Dialect{
	API:     "sglang",
	Request: sharedRequest,
	Answer: schema(sglangPaths(""), sglangPaths("[]."), []jsonscan.Path{
		{Path: "", Field: fieldChoice, Kind: jsonscan.Object},
		{Path: "[]", Field: fieldChoice, Kind: jsonscan.Object},
	}),
	Event:     schema(sglangPaths("")),
	Marked:    true,
	Repeats:   true,
	PerChoice: true,
}

func sglangPaths(at string) []jsonscan.Path {
	return append(metaInfo(at),
		jsonscan.Path{Path: at + "text", Field: fieldText, Kind: jsonscan.Text},
		jsonscan.Path{Path: at + "index", Field: fieldIndex, Kind: jsonscan.Number},
		jsonscan.Path{Path: at + "error", Field: fieldError, Kind: jsonscan.Any},
		jsonscan.Path{Path: at + "error", Field: fieldError, Kind: jsonscan.Object},
	)
}

// metaInfo are the counts of SGLang's answers.
func metaInfo(at string) []jsonscan.Path {
	at += "meta_info"
	return []jsonscan.Path{
		{Path: at, Field: fieldMetaInfo, Kind: jsonscan.Object},
		{Path: at + ".prompt_tokens", Field: fieldInput, Kind: jsonscan.Number},
		{Path: at + ".completion_tokens", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: at + ".cached_tokens", Field: fieldCached, Kind: jsonscan.Number},
		{Path: at + ".reasoning_tokens", Field: fieldThought, Kind: jsonscan.Number},
		{Path: at + ".finish_reason", Field: fieldFinish, Kind: jsonscan.String},
		{Path: at + ".finish_reason.type", Field: fieldFinish, Kind: jsonscan.String},
		{Path: at + ".finish_reason.status_code", Field: fieldErrorCode, Kind: jsonscan.Number},
	}
}
