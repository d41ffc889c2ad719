// SPDX-License-Identifier: Apache-2.0

package record

import "testing"

// TestGradioEdits: a replay must tell appended text from repeated text, and
// find the request that an event belongs to, also by a path.
func TestGradioEdits(t *testing.T) {
	for in, want := range map[string]string{
		`{"msg":"process_generating","event_id":"3f0a9c","output":{"data":[[["append",[1,"content"],"Hello"]],[]],"is_generating":true}}`: `{"msg":"process_generating","event_id":"3f0a9c","output":{"data":[[["append",[1,"xxxxxxx"],"Xxxxx"]],[]],"is_generating":true}}`,
		`{"data":[[["replace",[],"all new"],["add",[0],"x"],["delete",[12],null]]]}`:                                                      `{"data":[[["replace",[],"xxx xxx"],["add",[1],"x"],["delete",[11],null]]]}`,
		`{"data":[[["hello","append"]]]}`:             `{"data":[[["xxxxx","xxxxxx"]]]}`, // a history of Gradio 3
		`{"data":[[["appendix","appended"]]]}`:        `{"data":[[["appendxx","xxxxxxxx"]]]}`,
		`{"data":[[["app\u0065nd",["append"],"a"]]]}`: `{"data":[[["app\u0061xx",["append"],"x"]]]}`,
		`{"prompt":["append"],"input":[["delete"]]}`:  `{"prompt":["xxxxxx"],"input":[["xxxxxx"]]}`,
		`[[{"data":["add"]}]]`:                        `[[{"data":["xxx"]}]]`,
		`{"event_id":"two words"}`:                    `{"event_id":"two xxxxx"}`,
	} {
		if got := string(maskJSON([]byte(in))); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}
