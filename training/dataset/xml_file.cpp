// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/xml_file.hpp"

#include "base/files.hpp"

#include <stdexcept>

namespace d2det
{

namespace
{

constexpr int MAX_DEPTH = 64;

//! Traverses without recursion, like the parser.
void checkDepth(const pugi::xml_node& root)
{
    int depth = 0;
    for (pugi::xml_node node = root; node;)
    {
        if (node.type() == pugi::node_doctype)
            throw std::runtime_error("it has a DOCTYPE, which annotation files do not need; it is not read");
        if (node.first_child())
        {
            node = node.first_child();
            if (++depth > MAX_DEPTH)
                throw std::runtime_error("nested deeper than " + std::to_string(MAX_DEPTH));
            continue;
        }
        while (node && node != root && !node.next_sibling())
        {
            node = node.parent();
            depth--;
        }
        node = !node || node == root ? pugi::xml_node() : node.next_sibling();
    }
}

}  // namespace

void loadXml(const std::string& path, size_t limit, pugi::xml_document& document)
{
    const std::string text = readText(path, limit);
    const pugi::xml_parse_result result =
        document.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_doctype);
    if (!result)
        throw std::runtime_error("not valid XML at byte " + std::to_string(result.offset) + ": " +
                                 result.description());
    checkDepth(document);
}

std::string xmlText(const char* value)
{
    for (const std::string& line : splitLines(value))
        if (!line.empty())
            return line;
    return std::string();
}

std::string xmlText(const pugi::xml_node& node)
{
    return xmlText(node.child_value());
}

double xmlNumber(const pugi::xml_node& parent, const char* name, double missing)
{
    const std::string text = xmlText(parent.child(name));
    double value = missing;
    if (!text.empty() && !parseNumber(text, value))
        throw std::runtime_error(std::string("<") + name + "> is " + inQuotes(text) + ", expected a number");
    return value;
}

}  // namespace d2det
