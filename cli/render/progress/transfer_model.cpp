#include "cli/render/progress/transfer_model.h"

#include <algorithm>

#include "base/units.h"

namespace stack::cli {

namespace {

constexpr std::string_view kLevels[] = {"⠀", "⡀", "⣀", "⣄", "⣤", "⣦", "⣶", "⣷", "⣿"};
constexpr size_t kMostColumns = 24;
constexpr std::chrono::seconds kRateWindow{3};

bool is_ended(std::string_view phase) {
  return phase == "present" || phase == "complete" || phase == "pushed";
}

bool has_come(std::string_view phase) {
  return is_ended(phase) || phase == "downloaded" || phase == "extracting";
}

}  // namespace

TransferModel::Layer& TransferModel::layer_of(const std::string& id) {
  auto found =
      std::find_if(layers_.begin(), layers_.end(), [&](const Layer& layer) { return layer.id == id; });
  if (found != layers_.end()) return *found;
  layers_.push_back({id, "waiting", 0, 0});
  return layers_.back();
}

void TransferModel::apply(const Json& line, Time now) {
  std::string id = string_or(line, "layer");
  if (id.empty()) {
    note_ = string_or(line, "text");
    return;
  }
  Layer& layer = layer_of(id);
  int64_t before = layer.current;
  layer.phase = string_or(line, "phase");
  layer.total = int_or(line, "total");
  layer.current = has_come(layer.phase) ? layer.total : int_or(line, "current");
  if (layer.phase != "downloading" && layer.phase != "uploading") return;
  note_.clear();
  // Bytes left by an earlier pull do not count toward the rate.
  if (before > 0 && layer.current > before) moved_ += layer.current - before;
  samples_.push_back({now, moved_});
  while (samples_.size() > 2 && now - samples_.front().time > kRateWindow) samples_.pop_front();
}

int64_t TransferModel::rate(Time now) const {
  if (samples_.size() < 2 || now - samples_.back().time > kRateWindow) return 0;
  double seconds = std::chrono::duration<double>(now - samples_.front().time).count();
  if (seconds < 0.2) return 0;
  return static_cast<int64_t>(static_cast<double>(samples_.back().bytes - samples_.front().bytes) / seconds);
}

std::string TransferModel::columns() const {
  if (layers_.size() > kMostColumns) return {};
  std::string out;
  for (const Layer& layer : layers_) {
    size_t level = 0;
    if (layer.total > 0)
      level = static_cast<size_t>(std::clamp<int64_t>(layer.current * 8 / layer.total, 0, 8));
    if (is_ended(layer.phase)) level = 8;
    out += kLevels[level];
  }
  return out;
}

std::string TransferModel::text(Time now) const {
  if (layers_.empty()) return note_;
  int64_t current = 0;
  int64_t total = 0;
  bool come = true;
  bool ended = true;
  for (const Layer& layer : layers_) {
    current += layer.current;
    total += layer.total;
    come = come && has_come(layer.phase);
    ended = ended && is_ended(layer.phase);
  }
  std::string out = columns();
  out += (out.empty() ? "" : " ") + decimal_size({current}) + "/" + decimal_size({total});
  if (!note_.empty()) return out + "  " + note_;
  if (come && !ended) return out + " extracting";
  if (int64_t speed = rate(now); speed > 0 && !come) out += " " + decimal_size({speed}) + "/s";
  return out;
}

std::string plain_transfer_text(const Json& line) {
  std::string layer = string_or(line, "layer");
  std::string phase = string_or(line, "phase");
  if (layer.empty()) return string_or(line, "text");
  std::string size = " " + decimal_size({int_or(line, "total")});
  if (phase == "present") return layer + " Already exists";
  if (phase == "downloaded") return layer + " Downloaded" + size;
  if (phase == "complete") return layer + " Pull complete";
  if (phase == "mounted") return layer + " Mounted";
  if (phase == "pushed") return layer + " Pushed" + size;
  return {};
}

}  // namespace stack::cli
