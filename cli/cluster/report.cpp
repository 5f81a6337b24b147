#include "cli/cluster/report.h"

#include "cli/render/output.h"

namespace stack::cli::cluster {

namespace {

std::string line_of(const targets::KeyFidelity& key) {
  return (key.place.empty() ? "" : key.place + ": ") + key.key + ": " + key.verdict.note;
}

}  // namespace

void warn_of_losses(const Session& session, const targets::FidelityReport& report) {
  if (session.globals().progress == ProgressMode::Quiet) return;
  for (const targets::KeyFidelity& key : report.keys)
    if (key.verdict.level == targets::Fidelity::Lost)
      print_message(paint("lost:", Color::Yellow, session.err().color) + " " + line_of(key));
}

Result<> refuse_losses(const targets::FidelityReport& report) {
  size_t lost = report.count(targets::Fidelity::Lost);
  if (lost == 0) return {};
  return invalid(std::to_string(lost) + (lost == 1 ? " key is lost" : " keys are lost") +
                 " on this target, and --strict is set");
}

Result<> refuse_blocking(const targets::FidelityReport& report) {
  std::vector<const targets::KeyFidelity*> keys = report.blocking();
  if (keys.empty()) return {};
  std::string text = "the project cannot run on this target:";
  for (const targets::KeyFidelity* key : keys) text += "\n  " + line_of(*key);
  return invalid(text);
}

Result<int> print_report(Session& session, const targets::FidelityReport& report, const std::string& format) {
  if (format == "json") {
    print(targets::report_json(report).dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
  } else if (format == "table") {
    print(targets::report_text(report));
  } else {
    return session.usage_error("invalid value \"" + format + "\" for --report: must be table or json");
  }
  return 0;
}

void print_counts(size_t objects, const targets::FidelityReport& report) {
  print_message(std::to_string(objects) + " objects; " +
                std::to_string(report.count(targets::Fidelity::Exact)) + " keys exact, " +
                std::to_string(report.count(targets::Fidelity::Adapted)) + " adapted, " +
                std::to_string(report.count(targets::Fidelity::Lost)) + " lost (--report table lists them)");
}

}  // namespace stack::cli::cluster
