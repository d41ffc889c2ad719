// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime/debug"
	"slices"
	"strings"

	"github.com/modeltap/modeltap/observer/tokenizer"
)

// tokenCounter is the tokens.Tokenizer of observer.Config.
type tokenCounter = func(text []byte) (n int64, ok bool)

// tokenizerFiles takes the values of --tokenizer apart: the file or encoding
// for each model.
func tokenizerFiles(values []string) (map[string]string, error) {
	files := make(map[string]string, len(values))
	for _, v := range values {
		// Names of models may hold "=", paths seldom do.
		at := strings.LastIndexByte(v, '=')
		if at <= 0 || at == len(v)-1 {
			return nil, usagef("tokenizer: %q: write MODEL=FILE, such as qwen3=/models/qwen3/tokenizer.json or my-model=o200k", v)
		}
		model, file := v[:at], v[at+1:]
		if _, again := files[model]; again {
			return nil, usagef("tokenizer: %q has two of them: keep one", model)
		}
		files[model] = file
	}
	return files, nil
}

// loadTokenizers reads the vocabularies for the commands that count or, as
// check does, tell whether run would; each file once.
func loadTokenizers(command string, values []string) (map[string]tokenCounter, error) {
	if !slices.Contains([]string{cmdRun, cmdCheck, cmdReplay}, command) {
		return nil, nil
	}
	files, err := tokenizerFiles(values)
	if err != nil {
		return nil, err
	}
	models := make(map[string]tokenCounter, len(files))
	byFile := map[string]tokenCounter{}
	for model, file := range files {
		if byFile[file] == nil {
			t, err := tokenizer.Open(file)
			if err != nil {
				return nil, usagef("--tokenizer %s=%s: %w", model, file, err)
			}
			byFile[file] = t.Count
		}
		models[model] = byFile[file]
	}
	if len(models) > 0 {
		debug.FreeOSMemory() // a file takes many times the memory of what is kept of it
	}
	return models, nil
}
