#include "runtime/oci/systemd_scope.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <limits>

#include "base/files.h"
#include "base/text.h"
#include "runtime/cgroup/cgroup_limits.h"
#include "runtime/oci/dbus_connection.h"

namespace stack::runtime::oci {

namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();
constexpr std::string_view kNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";
constexpr std::string_view kUnitExists = "org.freedesktop.systemd1.UnitExists";

// ---- values ----

using Properties = std::vector<UnitProperty>;

uint64_t or_none(int64_t value) { return value < 0 ? kNoLimit : static_cast<uint64_t>(value); }

// "0-2,5" as a bit mask, lowest CPU first.
Result<std::vector<uint8_t>> cpu_mask(const std::string& list) {
  constexpr unsigned long kMost = 8191;
  std::vector<uint8_t> mask;
  for (const std::string& part : split(list, ',')) {
    std::string text(trim(part));
    if (text.empty()) continue;
    std::string first = text.substr(0, text.find('-'));
    std::string last = text.substr(text.find('-') == std::string::npos ? 0 : text.find('-') + 1);
    if (!is_all_digits(first) || !is_all_digits(last) || first.size() > 4 || last.size() > 4 ||
        std::stoul(first) > std::stoul(last) || std::stoul(last) > kMost)
      return invalid("not a list of CPUs or nodes: \"" + list + "\"");
    for (unsigned long cpu = std::stoul(first); cpu <= std::stoul(last); ++cpu) {
      if (mask.size() <= cpu / 8) mask.resize(cpu / 8 + 1);
      mask[cpu / 8] = static_cast<uint8_t>(mask[cpu / 8] | 1U << cpu % 8);
    }
  }
  return mask;
}

void memory_properties(const Json& memory, bool version2, Properties& out) {
  int64_t limit = int_or(memory, "limit");
  if (limit != 0) out.push_back({version2 ? "MemoryMax" : "MemoryLimit", or_none(limit)});
  if (!version2) return;
  int64_t swap = int_or(memory, "swap");
  // The specification's value is memory and swap together.
  if (swap != 0)
    out.push_back({"MemorySwapMax", or_none(swap < 0 ? swap : swap - std::max<int64_t>(limit, 0))});
  int64_t reservation = int_or(memory, "reservation");
  if (reservation != 0) out.push_back({"MemoryLow", or_none(reservation)});
}

// CPU time per second, in multiples of 10 ms like in systemd.
uint64_t quota_per_second(int64_t quota, int64_t period) {
  if (quota <= 0) return kNoLimit;
  constexpr uint64_t kStep = 10'000;
  uint64_t exact =
      static_cast<uint64_t>(quota) * 1'000'000 / static_cast<uint64_t>(period > 0 ? period : 100'000);
  return (exact + kStep - 1) / kStep * kStep;
}

Result<> cpu_properties(const Json& cpu, bool version2, Properties& out) {
  int64_t shares = int_or(cpu, "shares");
  if (shares > 0 && version2)
    out.push_back({"CPUWeight", cpu_weight_of_shares(static_cast<uint64_t>(shares))});
  if (shares > 0 && !version2) out.push_back({"CPUShares", static_cast<uint64_t>(shares)});
  int64_t quota = int_or(cpu, "quota"), period = int_or(cpu, "period");
  if (period > 0) out.push_back({"CPUQuotaPeriodUSec", static_cast<uint64_t>(period)});
  if (quota != 0 || period > 0) out.push_back({"CPUQuotaPerSecUSec", quota_per_second(quota, period)});
  if (!version2) return {};
  for (auto [key, name] : {std::pair{"cpus", "AllowedCPUs"}, std::pair{"mems", "AllowedMemoryNodes"}}) {
    TRY_ASSIGN(std::vector<uint8_t> mask, cpu_mask(string_or(cpu, key)));
    if (!mask.empty()) out.push_back({name, std::move(mask)});
  }
  return {};
}

// ---- annotations ----

Result<UnitProperty::Value> parse_value(const std::string& text) {
  if (text == "true" || text == "false") return UnitProperty::Value(text == "true");
  if (text.size() >= 2 && (text[0] == '\'' || text[0] == '"') && text.back() == text[0])
    return UnitProperty::Value(text.substr(1, text.size() - 2));
  size_t blank = text.find(' ');
  std::string type = blank == std::string::npos ? "int32" : text.substr(0, blank);
  std::string digits = blank == std::string::npos ? text : text.substr(blank + 1);
  const char* end = digits.data() + digits.size();
  auto read = [&](auto number) -> Result<UnitProperty::Value> {
    auto [stop, error] = std::from_chars(digits.data(), end, number);
    if (error != std::errc() || stop != end) return invalid("not a value: " + text);
    return UnitProperty::Value(number);
  };
  if (type == "uint64") return read(uint64_t{});
  if (type == "uint32") return read(uint32_t{});
  if (type == "int32") return read(int32_t{});
  return invalid("not a value: " + text);
}

// Times are named ...Sec in unit files and ...USec on the bus.
UnitProperty in_microseconds(UnitProperty property) {
  if (!property.name.ends_with("Sec") || property.name.ends_with("USec")) return property;
  uint64_t seconds = 0;
  if (const auto* value = std::get_if<uint64_t>(&property.value)) seconds = *value;
  if (const auto* value = std::get_if<uint32_t>(&property.value)) seconds = *value;
  if (const auto* value = std::get_if<int32_t>(&property.value))
    seconds = static_cast<uint64_t>(std::max(*value, 0));
  property.name.insert(property.name.size() - 3, "U");
  property.value = seconds * 1'000'000;
  return property;
}

// ---- talking ----

struct ValueWriter {
  DbusWriter& out;
  void operator()(const std::string& value) const { out.signature("s"), out.text(value); }
  void operator()(bool value) const { out.signature("b"), out.boolean(value); }
  void operator()(int32_t value) const { out.signature("i"), out.i32(value); }
  void operator()(uint32_t value) const { out.signature("u"), out.u32(value); }
  void operator()(uint64_t value) const { out.signature("t"), out.u64(value); }
  void operator()(const std::vector<uint32_t>& values) const {
    out.signature("au");
    out.array(4, [&](DbusWriter& items) {
      for (uint32_t value : values) items.u32(value);
    });
  }
  void operator()(const std::vector<uint8_t>& values) const {
    out.signature("ay");
    out.array(1, [&](DbusWriter& items) {
      for (uint8_t value : values) items.byte(value);
    });
  }
};

Result<Fd> connect_socket(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::last_errno(path);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error::last_errno(std::string("connect to ") + path);
  return fd;
}

// First tries systemd's own socket, which only root may use and which needs no bus; then the bus.
Result<DbusConnection> connect_systemd() {
  TRY(require_systemd());
  constexpr std::chrono::seconds kLimit{30};
  if (Result<Fd> direct = connect_socket("/run/systemd/private"))
    return DbusConnection::open(std::move(*direct), false, kLimit);
  TRY_ASSIGN(Fd bus, connect_socket("/run/dbus/system_bus_socket").in("systemd"));
  return DbusConnection::open(std::move(bus), true, kLimit);
}

DbusMessage manager_call(const char* member) {
  DbusMessage out;
  out.path = "/org/freedesktop/systemd1";
  out.destination = "org.freedesktop.systemd1";
  out.interface = "org.freedesktop.systemd1.Manager";
  out.member = member;
  return out;
}

DbusMessage text_call(const char* member, std::initializer_list<std::string_view> words) {
  DbusMessage out = manager_call(member);
  DbusWriter body;
  for (std::string_view word : words) {
    body.text(word);
    out.signature += 's';
  }
  out.body = body.bytes();
  return out;
}

// A bus delivers only subscribed signals; systemd itself sends all signals to its direct clients.
Result<> subscribe(DbusConnection& systemd) {
  if (!systemd.is_bus()) return {};
  DbusMessage match;
  match.path = "/org/freedesktop/DBus";
  match.destination = match.interface = "org.freedesktop.DBus";
  match.member = "AddMatch";
  match.signature = "s";
  DbusWriter rule;
  rule.text(
      "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',"
      "member='JobRemoved'");
  match.body = rule.bytes();
  TRY(systemd.call(std::move(match)));
  TRY(systemd.call(manager_call("Subscribe")));
  return {};
}

// Jobs end with the signal JobRemoved(uint32 id, object job, string unit, string result).
Result<> run_job(DbusConnection& systemd, DbusMessage call, const std::string& unit) {
  TRY_ASSIGN(DbusMessage answer, systemd.call(std::move(call)));
  std::string job = DbusReader(answer.body).text();
  for (;;) {
    TRY_ASSIGN(DbusMessage signal, systemd.next_signal().in("systemd: unit " + unit));
    if (signal.member != "JobRemoved" || signal.signature != "uoss") continue;
    DbusReader body(signal.body);
    body.u32();
    if (body.text() != job) continue;
    body.text();
    std::string result = body.text();
    if (result == "done") return {};
    return Error("systemd: unit " + unit + ": the job ended with \"" + result + "\"");
  }
}

bool names(const Error& error, std::string_view dbus_error) {
  return error.text().find(dbus_error) != std::string::npos;
}

}  // namespace

Result<ScopeName> scope_name(const std::string& cgroups_path, const std::string& id) {
  std::vector<std::string> parts =
      cgroups_path.empty() ? std::vector<std::string>{"", "stack-runtime", id} : split(cgroups_path, ':');
  if (parts.size() != 3 || parts[2].empty())
    return invalid("linux.cgroupsPath: must be slice:prefix:name with the systemd cgroup manager, not \"" +
                   cgroups_path + "\"");
  ScopeName out{parts[0].empty() ? "system.slice" : parts[0], parts[2]};
  if (!out.slice.ends_with(".slice") || out.slice.find('/') != std::string::npos)
    return invalid("linux.cgroupsPath: not a slice: \"" + out.slice + "\"");
  if (!parts[1].empty()) out.unit = parts[1] + "-" + out.unit;
  // Escapes a character that is valid in container IDs but not in unit names, like systemd-escape(1).
  for (size_t at = 0; (at = out.unit.find('+', at)) != std::string::npos; at += 4)
    out.unit.replace(at, 1, "\\x2b");
  out.unit += ".scope";
  if (out.unit.find('/') != std::string::npos || out.unit.size() > 255)
    return invalid("linux.cgroupsPath: not a unit's name: \"" + out.unit + "\"");
  return out;
}

Result<std::vector<UnitProperty>> limit_properties(const Json& resources, bool version2) {
  // Rejects numbers of the wrong type and contradictions.
  if (version2) {
    TRY(writes_for_v2(resources));
  } else {
    TRY(writes_for_v1(resources));
  }
  auto part = [&](const char* name) {
    return resources.is_object() ? resources.value(name, Json::object()) : Json::object();
  };
  Properties out;
  memory_properties(part("memory"), version2, out);
  TRY(cpu_properties(part("cpu"), version2, out));
  int64_t pids = int_or(part("pids"), "limit");
  if (pids != 0) out.push_back({"TasksMax", or_none(pids)});
  int64_t weight = int_or(part("blockIO"), "weight");
  if (weight != 0 && version2)
    out.push_back({"IOWeight", static_cast<uint64_t>(1 + (weight - 10) * 9999 / 990)});
  if (weight != 0 && !version2) out.push_back({"BlockIOWeight", static_cast<uint64_t>(weight)});
  return out;
}

Result<std::vector<UnitProperty>> annotated_properties(const Json& annotations) {
  constexpr std::string_view kPrefix = "org.systemd.property.";
  Properties out;
  if (!annotations.is_object()) return out;
  for (const auto& [key, value] : annotations.items()) {
    if (!key.starts_with(kPrefix) || !value.is_string()) continue;
    TRY_ASSIGN(UnitProperty::Value parsed, parse_value(value.get<std::string>()).in("annotation " + key));
    out.push_back(in_microseconds({key.substr(kPrefix.size()), std::move(parsed)}));
  }
  return out;
}

void write_properties(DbusWriter& out, const std::vector<UnitProperty>& properties) {
  out.array(8, [&](DbusWriter& items) {
    for (const UnitProperty& property : properties) {
      items.structure();
      items.text(property.name);
      std::visit(ValueWriter{items}, property.value);
    }
  });
}

bool systemd_runs() { return is_directory("/run/systemd/system"); }

Result<> require_systemd() {
  if (systemd_runs()) return {};
  return unsupported(
      "--systemd-cgroup: systemd is not running on this machine; use --cgroup-manager cgroupfs");
}

Result<> start_scope(const ScopeName& name, pid_t first_process, const std::string& description,
                     const std::vector<UnitProperty>& properties) {
  TRY_ASSIGN(DbusConnection systemd, connect_systemd());
  TRY(subscribe(systemd));
  Properties all = {{"Description", description},
                    {"Slice", name.slice},
                    {"PIDs", std::vector<uint32_t>{static_cast<uint32_t>(first_process)}},
                    {"Delegate", true},
                    {"DefaultDependencies", false},
                    {"CollectMode", std::string("inactive-or-failed")},
                    {"MemoryAccounting", true},
                    {"CPUAccounting", true},
                    {"IOAccounting", true},
                    {"TasksAccounting", true}};
  all.insert(all.end(), properties.begin(), properties.end());
  DbusMessage call = manager_call("StartTransientUnit");
  call.signature = "ssa(sv)a(sa(sv))";
  DbusWriter body;
  body.text(name.unit);
  body.text("replace");
  write_properties(body, all);
  body.array(8, [](DbusWriter&) {});
  call.body = body.bytes();
  Result<> done = run_job(systemd, call, name.unit);
  if (done || !names(done.error(), kUnitExists)) return done;
  // systemd keeps a failed unit until ResetFailedUnit.
  TRY(systemd.call(text_call("ResetFailedUnit", {name.unit})));
  return run_job(systemd, std::move(call), name.unit);
}

Result<> stop_scope(const std::string& unit) {
  TRY_ASSIGN(DbusConnection systemd, connect_systemd());
  TRY(subscribe(systemd));
  Result<> done = run_job(systemd, text_call("StopUnit", {unit, "replace"}), unit);
  if (!done && names(done.error(), kNoSuchUnit)) return {};
  return done;
}

Result<> set_scope_properties(const std::string& unit, const std::vector<UnitProperty>& properties) {
  if (properties.empty()) return {};
  TRY_ASSIGN(DbusConnection systemd, connect_systemd());
  DbusMessage call = manager_call("SetUnitProperties");
  call.signature = "sba(sv)";
  DbusWriter body;
  body.text(unit);
  body.boolean(true);
  write_properties(body, properties);
  call.body = body.bytes();
  Result<DbusMessage> done = systemd.call(std::move(call));
  if (done) return {};
  if (names(done.error(), kNoSuchUnit)) return not_found(done.error().text());
  return std::move(done).error();
}

}  // namespace stack::runtime::oci
