#include "cli/ui/ui.h"

#include <poll.h>
#include <unistd.h>

#include <map>
#include <set>

#include "base/fd.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/flags/up_options.h"
#include "cli/render/plan_text.h"
#include "cli/render/stats_row.h"
#include "cli/session/change.h"
#include "cli/session/containers.h"
#include "cli/session/log_follow.h"
#include "cli/session/member.h"
#include "cli/ui/ui_model.h"
#include "orchestrator/compose/config_output.h"

namespace stack::cli {

namespace {

constexpr int kRefreshMs = 1000;

// The alternate screen without a cursor, in raw mode.
class FullScreen {
 public:
  static Result<FullScreen> enter() {
    TRY_ASSIGN(RawMode raw, RawMode::enter(STDIN_FILENO));
    return FullScreen(std::move(raw));
  }
  FullScreen(FullScreen&& other) noexcept : raw_(std::move(other.raw_)) { other.raw_.reset(); }
  FullScreen& operator=(FullScreen&&) = delete;
  ~FullScreen() {
    if (!raw_) return;
    (void)write_all(STDOUT_FILENO, "\x1b[?25h\x1b[?1049l");
  }
  static void show(const std::vector<std::string>& lines) {
    std::string text = "\x1b[H";
    for (size_t i = 0; i < lines.size(); ++i)
      text += (i > 0 ? "\r\n" : "") + std::string("\x1b[2K") + lines[i];
    (void)write_all(STDOUT_FILENO, text);
  }

 private:
  explicit FullScreen(RawMode raw) : raw_(std::move(raw)) {
    (void)write_all(STDOUT_FILENO, "\x1b[?1049h\x1b[?25l\x1b[2J");
  }
  std::optional<RawMode> raw_;
};

class Ui {
 public:
  Ui(Session& session, std::string project_name)
      : session_(session), project_(std::move(project_name)), model_(project_) {}

  Result<int> run() {
    TRY(refresh());
    TRY(open_screen());
    for (;;) {
      draw();
      if (!wait_for_key()) {
        if (Result<> fresh = refresh(); !fresh) model_.set_message(fresh.error().text());
        continue;
      }
      for (int key = take_key(typed_); key >= 0; key = take_key(typed_))
        if (!handle(key)) return 0;
    }
  }

 private:
  Result<> open_screen() {
    TRY_ASSIGN(FullScreen screen, FullScreen::enter());
    screen_.emplace(std::move(screen));
    return {};
  }
  // Returns false to quit.
  bool handle(int key) {
    const UiPanel panel = model_.panel();
    const std::string selected = selected_name();
    UiAction action = model_.key(key);
    if (action == UiAction::Quit) return false;
    if (action != UiAction::None) perform(action);
    if (action == UiAction::None && panel == model_.panel() && selected == selected_name()) return true;
    if (Result<> fresh = refresh(); !fresh) model_.set_message(fresh.error().text());
    return true;
  }
  std::string selected_name() const { return model_.selected() ? model_.selected()->name : ""; }
  void draw() {
    TerminalSize size = terminal_size(STDOUT_FILENO);
    FullScreen::show(model_.draw(size.columns, size.rows, session_.out().color));
  }
  // False after the refresh interval.
  bool wait_for_key();
  Result<> refresh();
  std::vector<UiService> services_of(const std::vector<Container>& containers);
  void add_numbers(UiService& service, const Container& container);
  Result<std::vector<std::string>> panel_lines();
  Result<std::vector<std::string>> log_lines(const std::string& service);
  Result<std::vector<std::string>> plan_lines();
  Result<std::vector<std::string>> config_lines(const std::string& service);
  Result<std::vector<std::string>> process_lines(const std::string& container);
  void perform(UiAction action);
  Result<> change_service(const std::string& verb, Json body);
  Result<> rebuild(const std::string& service);
  void open_shell(const std::string& service);

  Session& session_;
  std::string project_;
  UiModel model_;
  std::optional<FullScreen> screen_;
  std::string typed_;
  std::map<std::string, Json> samples_;  // by container
};

// An ended input (a closed terminal) counts as Ctrl-C.
bool Ui::wait_for_key() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, kRefreshMs) <= 0) return false;
  char bytes[256];
  ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (n > 0) {
    typed_.append(bytes, static_cast<size_t>(n));
  } else if (n == 0 || errno != EINTR) {
    typed_ = static_cast<char>(kKeyInterrupt);
  }
  return !typed_.empty();
}

Result<> Ui::refresh() {
  TRY_ASSIGN(std::vector<Container> containers, list_containers(session_, project_, ContainerFilter::All));
  model_.set_services(services_of(containers));
  TRY_ASSIGN(std::vector<std::string> lines, panel_lines());
  model_.set_panel_lines(std::move(lines));
  return {};
}

std::vector<UiService> Ui::services_of(const std::vector<Container>& containers) {
  std::vector<UiService> services;
  for (const Container& container : containers) {
    auto same = std::find_if(services.begin(), services.end(),
                             [&](const UiService& one) { return one.name == container.service; });
    if (same != services.end()) {
      ++same->replicas;
      continue;
    }
    UiService service;
    service.name = container.service;
    service.state = container.state;
    if (container.state == "exited") service.state += " (" + std::to_string(container.exit_code) + ")";
    service.health = container.health == "none" ? "" : container.health;
    service.ports = ports_text(container.ports);
    service.container = container.id;
    service.replicas = 1;
    add_numbers(service, container);
    services.push_back(std::move(service));
  }
  return services;
}

void Ui::add_numbers(UiService& service, const Container& container) {
  if (!container.is_running()) return;
  auto sample = session_.call("GET", "/containers/" + container.id + "/stats?stream=0&one-shot=1");
  if (sample) {
    Json row =
        stats_row(container.id, container.name, container.service, *sample, samples_[container.id], true);
    service.cpu = string_or(row, "CPUPerc");
    service.memory = string_or(row, "MemUsage");
    samples_[container.id] = std::move(*sample);
  }
  if (service.health.empty() || service.health == "healthy") return;
  auto details = session_.call("GET", "/containers/" + container.id + "/json");
  if (!details) return;
  std::vector<Json> probes = items_of(member(member(member(*details, "State"), "Health"), "Log"));
  if (probes.empty()) return;
  std::string output = string_or(probes.back(), "Output");
  std::string_view text = trim(output);
  service.probe = std::string(text.substr(text.find_last_of('\n') + 1));
}

Result<std::vector<std::string>> Ui::panel_lines() {
  const UiService* service = model_.selected();
  if (service == nullptr) return std::vector<std::string>{"no containers; start them with `stack up -d`"};
  switch (model_.panel()) {
    case UiPanel::Logs:
      return log_lines(service->name);
    case UiPanel::Top:
      return process_lines(service->container);
    case UiPanel::Plan:
      return plan_lines();
    case UiPanel::Config:
      return config_lines(service->name);
    case UiPanel::Help:
      break;
  }
  return std::vector<std::string>();
}

Result<std::vector<std::string>> Ui::log_lines(const std::string& service) {
  LogQuery query;
  query.tail = "500";
  query.services = {service};
  std::vector<std::string> lines;
  TRY_ASSIGN(http::Client client, session_.connect());
  TRY(client.lines({.method = "GET", .target = logs_target(project_, query)}, [&](const Json& line) {
    std::string text = string_or(line, "text");
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    if (!line.contains("exit"))
      lines.push_back(log_label(project_, string_or(line, "container"), service) + " | " + text);
    return true;
  }));
  return lines;
}

Result<std::vector<std::string>> Ui::process_lines(const std::string& container) {
  auto top = session_.call("GET", "/containers/" + container + "/top");
  if (!top) return std::vector<std::string>{top.error().text()};
  std::vector<std::string> lines{join(strings_of(member(*top, "Titles")), "  ")};
  for (const Json& process : items_of(member(*top, "Processes")))
    lines.push_back(join(strings_of(process), "  "));
  return lines;
}

Result<std::vector<std::string>> Ui::plan_lines() {
  compose::LoadOptions options = session_.load_options();
  auto loaded = compose::load(options);
  if (!loaded) return split(compose::render(loaded.error()), '\n');
  Json body{
      {"project", compose::project_to_json(loaded->project)}, {"options", Json::object()}, {"command", "up"}};
  auto plan = session_.call("POST", project_path(project_, "/plan"), body);
  if (!plan) return std::vector<std::string>{plan.error().text()};
  return split(plan_text(*plan, project_, false), '\n');
}

Result<std::vector<std::string>> Ui::config_lines(const std::string& service) {
  compose::LoadOptions options = session_.load_options();
  options.services = {service};
  options.load_contents = false;
  options.refuse = false;
  options.only_document = true;
  auto loaded = compose::load(options);
  if (!loaded) return split(compose::render(loaded.error()), '\n');
  return split(compose::config_yaml(*loaded), '\n');
}

Result<> Ui::change_service(const std::string& verb, Json body) {
  ProgressStyle style;
  style.mode = ProgressMode::Quiet;
  auto progress = make_progress(style, verb);
  Change change{verb, project_path(project_, "/" + verb), std::move(body)};
  TRY_ASSIGN(ChangeResult result, follow_change(session_, change, *progress));
  return result.ok ? Result<>() : Result<>(Error(result.error));
}

Result<> Ui::rebuild(const std::string& service) {
  auto loaded = compose::load(session_.load_options());
  if (!loaded) return Error(compose::render(loaded.error().front(), false));
  Json options{{"services", {service}}, {"build", true}, {"no_deps", true}};
  return change_service("up", {{"project", compose::project_to_json(loaded->project)}, {"options", options}});
}

void Ui::perform(UiAction action) {
  const std::string service = selected_name();
  if (action == UiAction::Exec) return open_shell(service);
  const char* words = action == UiAction::Restart ? "restarting "
                      : action == UiAction::Stop  ? "stopping "
                      : action == UiAction::Start ? "starting "
                                                  : "rebuilding ";
  model_.set_message(words + service + " ...");
  draw();
  Result<> done;
  if (action == UiAction::Rebuild) {
    done = rebuild(service);
  } else {
    const char* verb = action == UiAction::Restart ? "restart" : action == UiAction::Stop ? "stop" : "start";
    done = change_service(verb, {{"services", {service}}, {"no_deps", true}});
  }
  model_.set_message(done ? words + service + ": done" : service + ": " + done.error().text());
}

void Ui::open_shell(const std::string& service) {
  screen_.reset();
  SpawnRequest request;
  request.program = own_program();
  request.args = {"--root",     session_.globals().root,
                  "--run-root", session_.globals().run_root,
                  "-p",         project_,
                  "exec",       service,
                  "sh"};
  Result<pid_t> child = spawn(request);
  if (child) (void)wait_for(*child);
  Result<> opened = open_screen();
  if (!child) model_.set_message("exec: " + child.error().text());
  if (!opened) model_.set_message(opened.error().text());
}

}  // namespace

Result<int> run_ui(Session& session, const std::string& project_name) {
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return invalid("`stack ui` needs a terminal");
  Ui ui(session, project_name);
  return ui.run();
}

}  // namespace stack::cli
