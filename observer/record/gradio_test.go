// SPDX-License-Identifier: Apache-2.0

package record

import (
	"testing"

	"github.com/modeltap/modeltap/observer/llm"
)

// TestGradioEdits: a replay must tell appended text from repeated text, and
// find the request that an event belongs to, also by a path.
func TestGradioEdits(t *testing.T) {
	feed := plant(llm.FeedPlaces())
	for in, want := range map[string]string{
		`{"msg":"process_generating","event_id":"3f0a9c","output":{"data":[[["append",[1,"content"],"Hello"]],[]],"is_generating":true}}`: `{"msg":"process_generating","event_id":"3f0a9c","output":{"data":[[["append",[1,"content"],"Xxxxx"]],[]],"xx.xxxxxxxxxx":true}}`,
		`[[["replace",[],"all new"],["add",[0],"x"],["delete",[12],null]]]`:                                                               `[[["replace",[],"xxx xxx"],["add",[1],"x"],["delete",[11],null]]]`,
		`{"output":{"data":[[["hello","append"]]]}}`:                                                                                      `{"output":{"data":[[["xxxxx","xxxxxx"]]]}}`, // a history of Gradio 3
		`{"output":{"data":[[["appendix","appended"]]]}}`:                                                                                 `{"output":{"data":[[["appendxx","xxxxxxxx"]]]}}`,
		`{"output":{"data":[[["app\u0065nd",["append"],"a"]]]}}`:                                                                          `{"output":{"data":[[["app\u0061xx",["xxxxxx"],"x"]]]}}`,
		`{"prompt":["append"],"input":[["delete"]]}`:                                                                                      `{"xxxxxx":["xxxxxx"],"xxxxx":[["xxxxxx"]]}`,
		`{"output":{"data":[[{"role":"user","content":"add"}]]},"data":["add"]}`:                                                          `{"output":{"data":[[{"role":"user","content":"xxx"}]]},"xxxx":["xxx"]}`,
		`{"event_id":"face to face"}`:                                                                                                     `{"event_id":"face xx xxxx"}`,
		`{"event_id":"john"}`:                                                                                                             `{"event_id":"xxxx"}`,
	} {
		if got := string(maskJSON(feed, []byte(in))); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}
