#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/commands/compose/dashboard_backend.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"

namespace stack::cli {

namespace {

constexpr Flag kDashboardFlags[] = {
    {0, "port", FlagArity::Value, "PORT", "Port on 127.0.0.1 (default: any free port)"},
    {0, "write", FlagArity::Nothing, "",
     "Allow start, stop, and restart of services, and terminals in containers"},
    {0, "open", FlagArity::Nothing, "", "Open the link in the desktop's browser (xdg-open)"},
};
constexpr Example kDashboardExamples[] = {
    {"stack dashboard", "print a link that opens the dashboard in a browser"},
    {"stack dashboard --write", "also control services and open terminals"},
    {"stack dashboard --port 8999", "with a fixed port, for ssh -L 8999:127.0.0.1:8999 HOST"},
};

Fd block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int one : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, one);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Until a signal arrives. Enter on a terminal prints a new link.
Result<> serve_until_signal(DashboardServer& server, int signals) {
  bool keyboard = isatty(STDIN_FILENO) == 1;
  for (;;) {
    pollfd ready[] = {
        {signals, POLLIN, 0}, {server.listener(), POLLIN, 0}, {keyboard ? STDIN_FILENO : -1, POLLIN, 0}};
    if (::poll(ready, 3, -1) < 0 && errno != EINTR) return Error::last_errno("poll");
    if (ready[0].revents != 0) return {};
    if (ready[1].revents != 0) server.accept_one();
    if (ready[2].revents == 0) continue;
    char typed[256];
    keyboard = ::read(STDIN_FILENO, typed, sizeof typed) > 0;
    if (keyboard) print(server.new_link() + "\n");
  }
}

Result<uint16_t> port_flag(const Arguments& arguments) {
  TRY_ASSIGN(std::optional<int64_t> port, arguments.number("port"));
  if (port.value_or(0) > 65535) return invalid("invalid value for --port: must be at most 65535");
  return static_cast<uint16_t>(port.value_or(0));
}

Result<int> run_dashboard(Session& session, const Arguments& arguments) {
  Result<uint16_t> port = port_flag(arguments);
  if (!port) return session.usage_error(port.error().text());
  // An engine that cannot start is an error now, not in the browser.
  TRY_ASSIGN(http::Client engine, session.connect());
  Fd signals = block_signals();
  if (!signals) return Error::last_errno("signalfd");
  TRY_ASSIGN(std::unique_ptr<DashboardServer> server,
             start_dashboard(session, *port, arguments.is_set("write")));
  const std::string link = server->new_link();
  print("Dashboard (" + std::string(arguments.is_set("write") ? "with control of services" : "read-only") +
        "): " + link + "\n");
  print_message(std::string("The link opens one session. ") +
                (isatty(STDIN_FILENO) == 1 ? "Enter prints another one, Ctrl-C ends the dashboard."
                                           : "Ctrl-C ends the dashboard."));
  BrowserLink browser;
  if (arguments.is_set("open"))
    if (Result<> opened = browser.open(link); !opened)
      print_message("cannot open a browser: " + opened.error().text());
  TRY(serve_until_signal(*server, signals.get()));
  server->stop();
  return 0;
}

}  // namespace

const Command kDashboard{
    .name = "dashboard",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS]",
    .summary = "Serve a dashboard for a browser on this machine until Ctrl-C",
    .details =
        "Shows services with their health and dependencies, logs, CPU and memory, and the plan of `up`. It "
        "listens on\n"
        "127.0.0.1 only and accepts only the browser that opened the link.",
    .examples = kDashboardExamples,
    .flags = kDashboardFlags,
    .most_words = 0,
    .run = run_dashboard,
};

}  // namespace stack::cli
