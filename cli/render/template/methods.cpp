// The methods of Docker's types that templates can call.
#include "base/text.h"
#include "cli/render/template/functions.h"
#include "cli/render/template/print.h"

namespace stack::text_template {

namespace {

using Call = Result<Value> (*)(const Values&);

Result<Value> text_result(std::string text) { return Value::of(std::move(text)); }

// "80/tcp"
Result<Value> port_number(const Values& a) {
  std::string text = a[0].text();
  return text_result(text.substr(0, text.find('/')));
}
Result<Value> port_protocol(const Values& a) {
  std::string text = a[0].text();
  size_t slash = text.find('/');
  return text_result(slash == std::string::npos ? "tcp" : text.substr(slash + 1));
}
Result<Value> port_int(const Values& a) {
  std::string text = a[0].text();
  std::string number = text.substr(0, text.find('/'));
  return Value::of(is_all_digits(number) && number.size() < 6 ? int64_t{std::stoi(number)} : int64_t{0});
}

// The value of a label of a row; its labels are an object, or "a=b,c=d".
Result<Value> row_label(const Values& a) {
  std::string key = a[1].text();
  const Json& row = a[0].indirect().data();
  if (!row.is_object()) return text_result("");
  for (const char* member : {"LabelMap", "Labels"}) {
    auto found = row.find(member);
    if (found != row.end() && found->is_object()) return text_result(string_or(*found, key));
  }
  for (const std::string& label : split(string_or(row, "Labels"), ','))
    if (label.starts_with(key + "=")) return text_result(label.substr(key.size() + 1));
  return text_result("");
}

// "com.example.some-name" -> "some name"
Result<Value> title_of_label(const Values& a) {
  std::string name = a[1].text();
  if (size_t dot = name.rfind('.'); dot != std::string::npos) name = name.substr(dot + 1);
  for (char& c : name)
    if (c == '-' || c == '_') c = ' ';
  return text_result(std::move(name));
}

std::string policy_name(const Value& policy) { return string_or(policy.indirect().data(), "Name"); }

struct Method {
  std::string_view type;
  Function function;
};

const std::vector<Method>& methods() {
  constexpr Parameter kSelf = Parameter::Operand;

  auto on = [](std::string_view type, std::string_view name, Call call) {
    return Method{type, {name, {kSelf}, false, call}};
  };
  static const std::vector<Method> all{
      on("nat.Port", "Port", port_number),
      on("nat.Port", "Proto", port_protocol),
      on("nat.Port", "Int", port_int),
      on("container.RestartPolicy", "IsNone",
         [](const Values& a) -> Result<Value> {
           return Value::of(policy_name(a[0]).empty() || policy_name(a[0]) == "no");
         }),
      on("container.RestartPolicy", "IsAlways",
         [](const Values& a) -> Result<Value> { return Value::of(policy_name(a[0]) == "always"); }),
      on("container.RestartPolicy", "IsOnFailure",
         [](const Values& a) -> Result<Value> { return Value::of(policy_name(a[0]) == "on-failure"); }),
      on("container.RestartPolicy", "IsUnlessStopped",
         [](const Values& a) -> Result<Value> { return Value::of(policy_name(a[0]) == "unless-stopped"); }),
      on("container.NetworkMode", "IsHost",
         [](const Values& a) -> Result<Value> { return Value::of(a[0].text() == "host"); }),
      on("container.NetworkMode", "IsBridge",
         [](const Values& a) -> Result<Value> { return Value::of(a[0].text() == "bridge"); }),
      on("container.NetworkMode", "IsNone",
         [](const Values& a) -> Result<Value> { return Value::of(a[0].text() == "none"); }),
      on("container.NetworkMode", "IsDefault",
         [](const Values& a) -> Result<Value> { return Value::of(a[0].text() == "default"); }),
      on("container.NetworkMode", "IsContainer",
         [](const Values& a) -> Result<Value> { return Value::of(a[0].text().starts_with("container:")); }),
      on("time.Time", "String",
         [](const Values& a) -> Result<Value> { return text_result(output_text(a[0])); }),
      on("time.Duration", "String",
         [](const Values& a) -> Result<Value> { return text_result(output_text(a[0])); }),
      on("time.Duration", "Seconds",
         [](const Values& a) -> Result<Value> {
           return Value::of(static_cast<double>(a[0].integer()) / 1e9);
         }),
      Method{"header", {"Label", {kSelf, Parameter::Text}, false, title_of_label}},
      Method{"row", {"Label", {kSelf, Parameter::Text}, false, row_label}},
  };
  return all;
}

}  // namespace

const Function* find_method(const Type& type, std::string_view name) {
  // Rows that have no Go type are maps.
  bool labeled = type.row ? type.field("Labels") != nullptr : type.name == "map[string]interface {}";
  std::string_view type_name = type.name;
  if (labeled) type_name = "row";
  if (type.name == "formatter.SubHeaderContext") type_name = "header";
  for (const Method& method : methods())
    if (method.type == type_name && method.function.name == name) return &method.function;
  return nullptr;
}

}  // namespace stack::text_template
