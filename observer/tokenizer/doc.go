// SPDX-License-Identifier: Apache-2.0

// Package tokenizer counts the tokens of a text with a real vocabulary: one
// read from a Hugging Face tokenizer.json (byte-pair encoding, as Llama 3,
// Qwen, DeepSeek, Mistral and Gemma use it), or one of OpenAI's that are built
// in.
//
// A file that asks for anything this package does not know is refused, so that
// a count is never nearly right. What a post-processor adds around a text is
// left out: a model's answer has no beginning-of-text token.
package tokenizer
