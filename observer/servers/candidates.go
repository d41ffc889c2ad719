// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"strings"

	"github.com/modeltap/modeltap/observer/identity"
)

// Candidates tells which listening sockets look like model servers when no
// target was named. The keys of Programs and Relays are names of
// identity.Process, or of units without ".service" where no process is known.
type Candidates struct {
	// Ports are looked at whatever listens there.
	Ports map[uint16]bool
	// Programs maps the name of a program to true for a model server or a
	// framework that serves models, and to false for one that never does and
	// whose HTTP traffic is not worth a look.
	Programs identity.Programs
	// Relays pass bytes on to a server and know nothing of what is in them.
	Relays map[string]bool
	// Interpreters are language run-times whose scripts are looked at.
	Interpreters map[string]bool
}

// DefaultCandidates returns the built-in table; the caller owns it.
func DefaultCandidates() *Candidates {
	c := &Candidates{
		Ports:        make(map[uint16]bool),
		Programs:     make(identity.Programs),
		Relays:       make(map[string]bool),
		Interpreters: map[string]bool{"python": true, "pypy": true},
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
		kubelet kube-apiserver kube-proxy kube-scheduler kube-controller-manager etcd coredns containerd dockerd
		cilium-agent calico-node systemd-resolved cupsd rpcbind chronyd dnsmasq
		postgres mysqld redis-server mongod clickhouse-server rabbitmq-server jupyter-lab jupyter-notebook jupyter`) {
		c.Programs[n] = false
	}
	// Published ports of containers (those of docker.service), tunnels and port
	// forwards.
	for _, n := range strings.Fields(`
		docker docker-proxy rootlesskit rootlesskit-docker-proxy rootlessport rootlessport-child
		containers-rootlessport containers-rootlessport-child slirp4netns pasta passt vpnkit gvproxy
		ssh sshd sshd-session autossh kubectl oc k9s tsh chisel frpc frps gost cloudflared ngrok tailscaled
		socat ncat nc netcat rinetd redir xinetd stunnel stunnel4 ghostunnel systemd-socket-proxyd`) {
		c.Relays[n] = true
		c.Programs[n] = false
	}
	return c
}

// Verdict is what process and port say of a listener.
type Verdict uint8

const (
	// Unsure leaves it to the scout to see whether it speaks HTTP at all.
	Unsure Verdict = iota
	// Candidate may be a model server.
	Candidate
	// Refused is never one; as a target it stands back behind another listener
	// of its port.
	Refused
	// Relay passes bytes on to a server, which would be counted twice. As a
	// target it must be named by its address.
	Relay
	// Nobody listens there: the host refused, or the port is a client's.
	Nobody
)

// Judge says what a listener on port looks like by its owner.
func (c *Candidates) Judge(o identity.Owner, port uint16) Verdict {
	name := o.Process.Name
	if name == "" && o.Cgroup.Container == "" && o.Cgroup.Pod == "" {
		name = strings.TrimSuffix(o.Cgroup.Unit, ".service")
	}
	if o.Process.Helper {
		return Refused
	}
	if c.Relays[name] {
		return Relay
	}
	if is, listed := c.Programs[name]; listed {
		return pick(is, Candidate, Refused)
	}
	return pick(c.Interpreters[o.Process.Interpreter] || c.Ports[port], Candidate, Unsure)
}

func pick(cond bool, yes, no Verdict) Verdict {
	if cond {
		return yes
	}
	return no
}
