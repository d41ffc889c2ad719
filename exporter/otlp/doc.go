// SPDX-License-Identifier: Apache-2.0

// Package otlp sends what was observed to an OpenTelemetry collector: a span
// for each exchange and the gen_ai.server.* histograms, named by the GenAI
// semantic conventions (open-telemetry/semantic-conventions-genai,
// docs/gen-ai). Nothing in them is text of a prompt or an answer.
package otlp
