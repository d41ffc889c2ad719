// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/alecthomas/units"

	"github.com/modeltap/modeltap/exporter"
	"github.com/modeltap/modeltap/observer"
)

// options holds the value of every flag, whatever it came from.
type options struct {
	configFile string
	targets    []string
	modelPath  []string
	ignorePath []string

	capture         string
	cgroupRoot      string
	discoveryCgroup string
	iface           string
	ringSize        units.Base2Bytes
	maxRequestBytes units.Base2Bytes
	socketWait      bool
	criSocket       string

	maxServers     int
	maxModels      int
	maxConnections int
	maxBuffer      units.Base2Bytes
	stallAfter     time.Duration
	seriesTTL      time.Duration

	native         bool
	otlp           string
	host           bool
	gpu            bool
	gpuLibrary     string
	gpuBackend     string
	kernelLog      string
	dropPrivileges bool
	compat         bool
	tokenizers     []string

	listen          []string
	systemdSocket   bool
	webConfig       string
	telemetryPath   string
	enableLifecycle bool
	enablePprof     bool
	webLive         bool

	logLevel  string
	logFormat string

	check  checkOptions
	replay replayOptions
	record recordOptions
	demo   demoOptions
	top    topOptions
}

type checkOptions struct{ format string }

type replayOptions struct {
	format string
	files  []string
}

type recordOptions struct {
	file     string
	keepText bool
	duration time.Duration
	maxBytes units.Base2Bytes
}

type demoOptions struct {
	duration time.Duration
	url      string
}

type topOptions struct {
	url      string
	interval time.Duration
	once     bool
	json     bool
	ascii    bool
}

// Names of the commands. The last two are the child processes of demo.
const (
	cmdRun        = "run"
	cmdCheck      = "check"
	cmdReplay     = "replay"
	cmdRecord     = "record"
	cmdDemo       = "demo"
	cmdTop        = "top"
	cmdVersion    = "version"
	cmdDemoServer = "demo-server"
	cmdDemoLoad   = "demo-load"
)

const appHelp = `Observes LLM model servers from the kernel, with no change to them, and serves what it measures as Prometheus metrics.

Every flag can also be set by an environment variable, MODELTAP_ and the flag's name in capitals with dots and dashes as underscores (several values separated by commas), and by a key of the same name in the configuration file. A flag goes before the environment, the environment before the file.`

// newApp returns the command line and the options that parsing it fills.
func newApp() (*kingpin.Application, *options) {
	app := kingpin.New("modeltap", appHelp)
	app.HelpFlag.Short('h')
	o := &options{}
	app.Flag("config.file", "YAML file whose keys are flag names; it may also hold a list \"targets\".").PlaceHolder("FILE").StringVar(&o.configFile)
	captureFlags(app, o)
	limitFlags(app, o)
	app.Flag("metrics.native-histograms", "Expose native histograms. A Prometheus server that scrapes native histograms then drops the classic buckets.").BoolVar(&o.native)
	app.Flag("tokenizer", "Count the answers of this model, where its server states no tokens, with its tokenizer.json or with a built-in encoding (o200k, cl100k, p50k, r50k); \"unknown\" is for answers without a model's name, \"*\" for every model without a tokenizer of its own; repeatable.").PlaceHolder("MODEL=FILE").StringsVar(&o.tokenizers)
	app.Flag("host", "Export the figures of the host and of the model servers' processes.").Default("true").BoolVar(&o.host)
	app.Flag("gpu", "Export what NVML says of the GPUs.").Default("true").BoolVar(&o.gpu)
	app.Flag("gpu.library", "Path of libnvidia-ml.so.1; without it the usual places are searched.").PlaceHolder("FILE").StringVar(&o.gpuLibrary)
	app.Flag("drop-privileges", "After the start, keep only the capabilities that are still needed, and of root, if it is started by root, not even the user.").Default("true").BoolVar(&o.dropPrivileges)
	app.Flag("gpu.kernel-log", "The kernel's log, a second source of GPU errors (XID); empty for none.").PlaceHolder("FILE").Default("/dev/kmsg").StringVar(&o.kernelLog)
	app.Flag("gpu.backend", "nvml, or demo for two GPUs that are made up.").Default("nvml").EnumVar(&o.gpuBackend, "nvml", "demo")
	app.Flag("compat-metrics", "Also export gpu_memory_used_mb, cpu_usage_percent and memory_usage_mb, for dashboards of exporters inside the service.").Default("true").BoolVar(&o.compat)
	app.Flag("otlp.endpoint", "OpenTelemetry collector that gets a span for each request and the gen_ai.server metrics, without any text: grpc://HOST:4317 or http://HOST:4318.").PlaceHolder("URL").StringVar(&o.otlp)
	app.Flag("web.systemd-socket", "Serve on the sockets that systemd passes instead of --web.listen-address.").BoolVar(&o.systemdSocket)
	app.Flag("web.listen-address", "Address to serve on, HOST:PORT or :PORT; repeatable.").Default(exporter.DefaultListenAddress).PlaceHolder("ADDRESS").StringsVar(&o.listen)
	app.Flag("web.config.file", "exporter-toolkit web configuration, for TLS and basic authentication.").PlaceHolder("FILE").StringVar(&o.webConfig)
	app.Flag("web.telemetry-path", "Path of the metrics.").Default(exporter.DefaultTelemetryPath).StringVar(&o.telemetryPath)
	app.Flag("web.live", "Serve the live page at /, and /api/v1/live, which it reads.").Default("true").BoolVar(&o.webLive)
	app.Flag("web.enable-lifecycle", "Allow a reload by POST /-/reload.").BoolVar(&o.enableLifecycle)
	app.Flag("web.enable-pprof", "Serve Go profiles under /debug/pprof.").BoolVar(&o.enablePprof)
	app.Flag("log.level", "Least severe level that is logged: debug, info, warn or error.").Default("info").EnumVar(&o.logLevel, "debug", "info", "warn", "error")
	app.Flag("log.format", "Format of the log: text or json.").Default("text").EnumVar(&o.logFormat, "text", "json")
	addCommands(app, o)
	return app, o
}

func captureFlags(app *kingpin.Application, o *options) {
	app.Flag("target", "Observe this port, and count every model request on it; repeatable. Without a target, model servers are discovered.").PlaceHolder("[NAME=][ADDR:]PORT").StringsVar(&o.targets)
	app.Flag("discovery.cgroup", "Look at the listening sockets of this cgroup and those below it alone, for targets too: a path below the root of cgroup v2, as /proc/PID/cgroup shows it after 0::, or its directory. It must exist at the start.").PlaceHolder("PATH").StringVar(&o.discoveryCgroup)
	app.Flag("model-path", "Go regular expression of request paths that are model requests whatever the built-in rules say; repeatable.").PlaceHolder("REGEXP").StringsVar(&o.modelPath)
	app.Flag("ignore-path", "Go regular expression of request paths that are never model requests; repeatable.").PlaceHolder("REGEXP").StringsVar(&o.ignorePath)
	modes, about := observer.CaptureModes()
	app.Flag("capture", "How to capture: "+strings.Join(about, ", ")+".").Default(observer.CaptureAuto).EnumVar(&o.capture, modes...)
	app.Flag("capture.cgroup-root", "Mount point of the host's cgroup v2 hierarchy; looked for when empty.").PlaceHolder("DIR").StringVar(&o.cgroupRoot)
	app.Flag("capture.interface", "Network interface of --capture=packet; all of them when empty.").PlaceHolder("NAME").StringVar(&o.iface)
	app.Flag("capture.ring-size", "Size of the ring buffer between kernel and modeltap: a power of two.").Default("8MiB").BytesVar(&o.ringSize)
	app.Flag("capture.max-request-bytes", "Request bytes without an answer after which only headers are captured of a request.").Default("256KiB").BytesVar(&o.maxRequestBytes)
	app.Flag("socket-wait", "Measure how long a request waits in the socket before the application reads it. Needs kernel BTF and CAP_PERFMON.").Default("true").BoolVar(&o.socketWait)
	app.Flag("cri.socket", "Socket of the container runtime (CRI), asked for the names of containers where the node's log directories do not tell them. Needs root, and whoever may use it owns the node.").PlaceHolder("FILE").StringVar(&o.criSocket)
}

func limitFlags(app *kingpin.Application, o *options) {
	app.Flag("max-servers", "Servers with a label value of their own; the rest is \"other\".").Default("256").IntVar(&o.maxServers)
	app.Flag("max-models", "Models with a label value of their own, over all servers; the rest is \"other\".").Default("64").IntVar(&o.maxModels)
	app.Flag("max-connections", "Connections tracked at once; beyond it one without an open request gives way to a newcomer, else the newcomer is refused.").Default("65536").IntVar(&o.maxConnections)
	app.Flag("max-buffer", "Memory for all that clients can make grow: open requests, data that waits for what is missing before it, heads in pieces.").Default("128MiB").BytesVar(&o.maxBuffer)
	app.Flag("stall-after", "A stream without a token for longer than this is counted as stalled.").Default("10s").DurationVar(&o.stallAfter)
	app.Flag("series-ttl", "Series of a server and model are dropped after this long without traffic.").Default("10m").DurationVar(&o.seriesTTL)
}

func addCommands(app *kingpin.Application, o *options) {
	app.Command(cmdRun, "Observe and serve metrics until stopped; the command when none is given.")

	c := app.Command(cmdCheck, "Say what this host offers, which capture would be used and what is missing; exit 1 if run could not work.")
	c.Flag("format", "Format of the answer: text or json.").Default("text").EnumVar(&o.check.format, "text", "json")

	c = app.Command(cmdReplay, "Measure captures instead of live traffic: pcap or pcapng, also gzip'd, - for standard input.")
	c.Flag("format", "Format of the answer: table, prometheus or json.").Default("table").EnumVar(&o.replay.format, "table", "prometheus", "json")
	c.Arg("file", "Captures, replayed one after another.").Required().StringsVar(&o.replay.files)

	c = app.Command(cmdRecord, "Write the watched ports' traffic to a pcapng that replay reads, for a bug report; text is masked.")
	c.Flag("keep-text", "Keep prompts and answers as they are instead of masking them.").BoolVar(&o.record.keepText)
	c.Flag("duration", "Stop after this long; 0 records until stopped.").Default("0s").DurationVar(&o.record.duration)
	c.Flag("max-bytes", "Stop when the file has this size.").Default("256MiB").BytesVar(&o.record.maxBytes)
	c.Arg("file", "File to write; it must not exist.").Required().StringVar(&o.record.file)

	c = app.Command(cmdDemo, "Start a small model server and a modest load, and observe them through the kernel.")
	c.Flag("duration", "Stop after this long; 0 runs until stopped.").Default("0s").DurationVar(&o.demo.duration)

	c = app.Command(cmdTop, "Show a running modeltap in the terminal: servers, latencies, requests, GPUs; to a file or pipe, one table.")
	c.Flag("url", "Where it answers; its user and password, and the path of its metrics, where it has them.").PlaceHolder("[USER:PASSWORD@]URL").Default("http://localhost:9478").StringVar(&o.top.url)
	c.Flag("interval", "Time between two looks at it.").Default("1s").DurationVar(&o.top.interval)
	c.Flag("once", "Print one table of what came between two looks, and exit.").BoolVar(&o.top.once)
	c.Flag("json", "Print the same as JSON, and exit.").BoolVar(&o.top.json)
	c.Flag("ascii", "Draw with ASCII alone; the default where the locale is not one of UTF-8.").BoolVar(&o.top.ascii)

	app.Command(cmdVersion, "Print the version.")

	app.Command(cmdDemoServer, "The model server of demo; ends with its standard input.").Hidden()
	c = app.Command(cmdDemoLoad, "The load of demo; ends with its standard input.").Hidden()
	c.Flag("url", "Base URL of the server.").Required().StringVar(&o.demo.url)
}
