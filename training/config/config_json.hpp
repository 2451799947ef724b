// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Conversion between configuration and JSON values; used by config.cpp and config_table.cpp. */

#ifndef D2DET_TRAINING_CONFIG_JSON_HPP
#define D2DET_TRAINING_CONFIG_JSON_HPP

#include "config/config.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace d2det
{

//! A JSON value as text for error messages; arrays and objects are reduced to their type.
std::string describeJson(const nlohmann::json& value);

//! Truncates a text to at most 80 bytes for a message.
std::string cutText(const std::string& text);

//! Replaces ${NAME} by the environment variable NAME, ${NAME:-default} by the default if NAME is unset or empty.
std::string expandVariables(const std::string& text, const std::string& path);

//! Returns the text unchanged; throws if it contains a zero byte.
std::string checkedText(const std::string& text, const std::string& path);

/** Overwrites the members whose keys are in the object. Unknown keys, wrong types and unknown names are errors.
@param folder base folder of relative paths; "": paths are kept unchanged.
@param rawText accept a number or true where a text is expected (values of --set). */
void readConfig(Config& config, const nlohmann::json& object, const std::string& folder, bool rawText);

//! Every key with its value, in the order of config_keys.hpp.
nlohmann::ordered_json writeConfig(const Config& config);

}  // namespace d2det

#endif
