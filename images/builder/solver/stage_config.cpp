// Instructions that change only the image's configuration.
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "base/text.h"
#include "images/builder/solver/stage.h"

namespace stack::builder {

namespace {

void set_variable(std::vector<std::string>& env, const std::string& name, const std::string& value) {
  std::string entry = name + "=" + value;
  for (std::string& known : env) {
    if (known.starts_with(name + "=")) {
      known = std::move(entry);
      return;
    }
  }
  env.push_back(std::move(entry));
}

void insert_sorted(std::vector<std::string>& list, std::string item) {
  auto place = std::lower_bound(list.begin(), list.end(), item);
  if (place == list.end() || *place != item) list.insert(place, std::move(item));
}

bool is_port_number(std::string_view text) {
  unsigned value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc() && end == text.data() + text.size() && value >= 1 &&
         value <= 65535;
}

// "80", "80-90/udp" -> sorted "80/tcp" entries.
Result<> add_ports(std::vector<std::string>& ports, const std::string& text) {
  // A host address and port have no meaning in an image; a build check reports them.
  size_t mapping = text.rfind(':');
  if (mapping != std::string::npos) return add_ports(ports, text.substr(mapping + 1));
  size_t slash = text.find('/');
  std::string protocol = slash == std::string::npos ? "tcp" : lower(text.substr(slash + 1));
  std::string range = text.substr(0, slash);
  size_t dash = range.find('-');
  std::string first = range.substr(0, dash);
  std::string last = dash == std::string::npos ? first : range.substr(dash + 1);
  if (!is_port_number(first) || !is_port_number(last) || std::stoi(first) > std::stoi(last))
    return invalid("invalid containerPort: " + text);
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    return invalid("invalid protocol in port " + text);
  for (int port = std::stoi(first); port <= std::stoi(last); ++port)
    insert_sorted(ports, std::to_string(port) + "/" + protocol);
  return {};
}

bool is_signal(std::string text) {
  if (is_all_digits(text)) return std::stoi(text.substr(0, 9)) >= 1 && std::stoi(text.substr(0, 9)) <= 64;
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (text.starts_with("SIG")) text.erase(0, 3);
  if (text.starts_with("RTMIN") || text.starts_with("RTMAX")) return true;
  for (int number = 1; number < 32; ++number) {
    const char* name = ::sigabbrev_np(number);
    if (name != nullptr && text == name) return true;
  }
  return false;
}

Result<Nanoseconds> health_duration(const Flags& flags, const std::string& name) {
  std::optional<std::string> text = flags.find(name);
  if (!text) return Nanoseconds(0);
  TRY_ASSIGN(Nanoseconds value, parse_duration(*text).in("--" + name));
  if (value.count() < 0) return invalid("--" + name + " \"" + *text + "\" cannot be less than 0");
  if (value.count() > 0 && value < std::chrono::milliseconds(1))
    return invalid("interval \"" + name + "\" cannot be less than 1ms");
  return value;
}

std::string json_words(const std::vector<std::string>& words) { return stack::to_text(Json(words)); }

}  // namespace

Result<bool> StageBuilder::configure(const Instruction& instruction) {
  const std::string& keyword = instruction.keyword;
  Expander expand = expander();
  if (keyword == "arg") {
    TRY(arg(instruction));
  } else if (keyword == "env") {
    TRY(env(instruction));
  } else if (keyword == "label") {
    TRY(label(instruction));
  } else if (keyword == "expose") {
    TRY(expose(instruction));
  } else if (keyword == "volume") {
    TRY(volume(instruction));
  } else if (keyword == "cmd" || keyword == "entrypoint") {
    TRY(command(instruction));
  } else if (keyword == "healthcheck") {
    TRY(healthcheck(instruction));
  } else if (keyword == "stopsignal") {
    TRY(stop_signal(instruction));
  } else if (keyword == "user") {
    TRY_ASSIGN(config().user, expand.word(instruction.words[0]));
    add_history("USER " + config().user, true);
  } else if (keyword == "shell") {
    config().shell = instruction.words;
    add_history("SHELL " + json_words(instruction.words), true);
  } else if (keyword == "maintainer") {
    state_->document.author = instruction.words[0];
    add_history("MAINTAINER " + instruction.words[0], true);
  } else if (keyword == "onbuild") {
    std::string trigger = instruction.nested.front().trigger();
    config().on_build.push_back(trigger);
    add_history("ONBUILD " + trigger, true);
  } else {
    return false;
  }
  return true;
}

Result<> StageBuilder::arg(const Instruction& instruction) {
  for (const std::string& word : instruction.words) {
    size_t equals = word.find('=');
    TRY_ASSIGN(std::string name, expander().word(word.substr(0, equals)));
    if (name.empty()) return invalid("ARG names can not be blank");
    std::optional<std::string> value;
    if (equals != std::string::npos) {
      TRY_ASSIGN(value, expander().word(word.substr(equals + 1)));
    } else if (auto global = job_.global_args.find(name); global != job_.global_args.end()) {
      value = global->second;
    } else if (auto inherited = args_.find(name); inherited != args_.end()) {
      value = inherited->second;  // of the stage this one is based on
    }
    auto given = job_.request.args.find(name);
    if (given != job_.request.args.end()) {
      if (given->second) value = given->second;
    } else if (auto proxy = job_.request.proxy_environment.find(name);
               proxy != job_.request.proxy_environment.end()) {
      if (!value) value = proxy->second;
    }
    args_[name] = value;
    // A proxy's address is specific to this machine and must not be stored in an image.
    add_history("ARG " + name + (value && !is_proxy_variable(name) ? "=" + *value : ""), true);
  }
  return {};
}

Result<> StageBuilder::env(const Instruction& instruction) {
  // All variables of an instruction use the environment before that instruction.
  std::vector<std::pair<std::string, std::string>> values;
  for (size_t i = 0; i + 2 < instruction.words.size(); i += 3) {
    TRY_ASSIGN(std::string name, expander().word(instruction.words[i]));
    TRY_ASSIGN(std::string value, expander().word(instruction.words[i + 1]));
    if (name.empty()) return invalid("ENV names can not be blank");
    values.emplace_back(std::move(name), std::move(value));
  }
  std::string text = "ENV";
  for (const auto& [name, value] : values) {
    set_variable(config().env, name, value);
    text += " " + name + "=" + value;
  }
  add_history(std::move(text), true);
  return {};
}

Result<> StageBuilder::label(const Instruction& instruction) {
  std::string text = "LABEL";
  for (size_t i = 0; i + 2 < instruction.words.size(); i += 3) {
    TRY_ASSIGN(std::string name, expander().word(instruction.words[i]));
    TRY_ASSIGN(std::string value, expander().word(instruction.words[i + 1]));
    if (name.empty()) return invalid("LABEL names can not be blank");
    config().labels[name] = value;
    text += " " + name + "=" + value;
  }
  add_history(std::move(text), true);
  return {};
}

Result<> StageBuilder::expose(const Instruction& instruction) {
  std::vector<std::string> ports;
  for (const std::string& word : instruction.words) {
    TRY_ASSIGN(std::vector<std::string> expanded, expander().words(word));
    for (const std::string& port : expanded) TRY(add_ports(ports, port));
  }
  for (const std::string& port : ports) insert_sorted(config().exposed_ports, port);
  add_history("EXPOSE " + join(ports, " "), true);
  return {};
}

Result<> StageBuilder::volume(const Instruction& instruction) {
  std::vector<std::string> paths;
  for (const std::string& word : instruction.words) {
    TRY_ASSIGN(std::string path, expander().word(word));
    if (trim(path).empty()) return invalid("VOLUME specified can not be an empty string");
    paths.push_back(path);
    insert_sorted(config().volumes, path);
  }
  add_history("VOLUME " + json_words(paths), true);
  return {};
}

Result<> StageBuilder::command(const Instruction& instruction) {
  std::vector<std::string> words = instruction.words;
  if (!instruction.json && !words.empty()) {
    std::vector<std::string> with_shell = shell();
    with_shell.push_back(words.front());
    words = std::move(with_shell);
  }
  if (instruction.keyword == "cmd") {
    config().cmd = words;
    cmd_set_ = true;
  } else {
    config().entrypoint = words;
    if (!cmd_set_) config().cmd.clear();  // the base's arguments were for the base's program
  }
  add_history(upper(instruction.keyword) + " " + json_words(words), true);
  return {};
}

Result<> StageBuilder::healthcheck(const Instruction& instruction) {
  images::Healthcheck check;
  if (upper(instruction.words[0]) == "NONE") {
    check.test = {"NONE"};
  } else {
    TRY_ASSIGN(Flags flags, Flags::parse(instruction, known_flags("healthcheck")));
    check.test = {instruction.json ? "CMD" : "CMD-SHELL"};
    check.test.insert(check.test.end(), instruction.words.begin() + 1, instruction.words.end());
    TRY_ASSIGN(check.interval, health_duration(flags, "interval"));
    TRY_ASSIGN(check.timeout, health_duration(flags, "timeout"));
    TRY_ASSIGN(check.start_period, health_duration(flags, "start-period"));
    TRY_ASSIGN(check.start_interval, health_duration(flags, "start-interval"));
    if (std::optional<std::string> retries = flags.find("retries")) {
      auto [end, error] = std::from_chars(retries->data(), retries->data() + retries->size(), check.retries);
      if (error != std::errc() || end != retries->data() + retries->size() || check.retries < 0)
        return invalid("--retries \"" + *retries + "\" must be a non-negative number");
    }
  }
  config().healthcheck = check;
  add_history("HEALTHCHECK " + json_words(check.test), true);
  return {};
}

Result<> StageBuilder::stop_signal(const Instruction& instruction) {
  TRY_ASSIGN(std::string signal, expander().word(instruction.words[0]));
  if (!is_signal(signal)) return invalid("invalid signal: " + signal);
  config().stop_signal = signal;
  add_history("STOPSIGNAL " + signal, true);
  return {};
}

}  // namespace stack::builder
