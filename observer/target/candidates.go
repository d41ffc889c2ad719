// SPDX-License-Identifier: Apache-2.0

package target

import "strings"

// Candidates tells which listening sockets look like model servers when no
// target was named. The keys of Programs and Modules are what Process calls a
// program; the values say whether it is one.
type Candidates struct {
	// Ports are looked at whatever listens there.
	Ports map[uint16]bool
	// Programs maps the name of a program to true for a model server or a
	// framework that serves models, and to false for one that never does and
	// whose HTTP traffic is not worth a look.
	Programs map[string]bool
	// Interpreters maps language run-times whose scripts are looked at.
	Interpreters map[string]bool
}

// DefaultCandidates returns the built-in table; the caller owns it.
func DefaultCandidates() *Candidates {
	c := &Candidates{
		Ports:        make(map[uint16]bool),
		Programs:     make(map[string]bool),
		Interpreters: map[string]bool{"python": true, "pypy": true, "node": false, "java": false, "ruby": false},
	}
	for _, p := range []uint16{
		1234,  // LM Studio
		2242,  // Aphrodite
		3000,  // BentoML, TGI's examples
		4000,  // LiteLLM
		5000,  // Flask, text-generation-webui's API, MLflow
		5001,  // KoboldCpp
		7860,  // Gradio
		7997,  // Infinity
		8000,  // vLLM, uvicorn, Triton HTTP, Ray Serve
		8001,  // a second uvicorn
		8080,  // llama-server, TGI, TEI, LocalAI
		8888,  // many images of hosted model services
		9000,  // Triton's OpenAI front end
		9997,  // Xinference
		11434, // Ollama
		23333, // LMDeploy
		30000, // SGLang
	} {
		c.Ports[p] = true
	}
	for _, n := range strings.Fields(`
		vllm sglang ollama llama-server llama_cpp llamafile tritonserver
		text-generation-launcher text-generation-router text-generation-server text-embeddings-router
		lmdeploy trtllm-serve tensorrt_llm mistralrs mistralrs-server koboldcpp local-ai aphrodite tabbyapi
		xinference xinference-local bentoml openllm litellm dynamo fastchat mlc_llm mlx_lm infinity_emb infinity
		ovms exllamav2 lightllm lms lm-studio ray serve torchserve mlserver kserve
		uvicorn gunicorn granian hypercorn daphne fastapi gradio flask waitress waitress-serve streamlit chainlit`) {
		c.Programs[n] = true
	}
	for _, n := range strings.Fields(`
		nginx envoy haproxy caddy traefik apache2 httpd lighttpd varnishd squid istiod pilot-agent linkerd2-proxy
		prometheus grafana grafana-server alertmanager node_exporter dcgm-exporter cadvisor otelcol modeltap
		kubelet kube-apiserver kube-proxy kube-scheduler kube-controller-manager etcd coredns containerd dockerd docker-proxy
		cilium-agent calico-node sshd systemd-resolved cupsd rpcbind chronyd dnsmasq
		postgres mysqld redis-server mongod clickhouse-server rabbitmq-server jupyter-lab jupyter-notebook jupyter`) {
		c.Programs[n] = false
	}
	return c
}

// Match says whether a listener is a candidate: yes, no, or undecided, which
// leaves it to the scout to see whether it speaks HTTP at all.
func (c *Candidates) Match(p Process, port uint16) (candidate, decided bool) {
	if p.Helper {
		return false, true
	}
	if is, listed := c.Programs[p.Name]; listed {
		return is, true
	}
	if is, listed := c.Interpreters[p.Interpreter]; listed && is {
		return true, true
	}
	return c.Ports[port], c.Ports[port]
}
