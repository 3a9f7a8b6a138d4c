--- Which words of a buffer have a syntax color that would be hard to read on a background of ours.
local colors = require('fovea.colors')

local M = {}

---@alias fovea.Weak fun(row: integer, column: integer, below: string): boolean

--- For buffers with treesitter colors. Later captures have precedence, as on the screen.
---@param highlighter table
---@param bufnr integer
---@param top integer
---@param bottom integer
---@return fovea.Weak
local function by_treesitter(highlighter, bufnr, top, bottom)
  ---@type table<integer, { from: integer, to: integer, group: string }[]>
  local rows = {}
  highlighter.tree:parse()
  highlighter.tree:for_each_tree(function(tree, language)
    local root, query = tree:root(), vim.treesitter.query.get(language:lang(), 'highlights')
    local first, _, last = root:range()
    if not query or first >= bottom or last < top then
      return
    end
    for id, node in query:iter_captures(root, bufnr, top, bottom) do
      local name = query.captures[id]
      if not name:find('^_') and not name:find('spell') and name ~= 'conceal' then
        local from_row, from, to_row, to = node:range()
        local group = ('@%s.%s'):format(name, language:lang())
        for row = math.max(from_row, top), math.min(to_row, bottom - 1) do
          rows[row] = rows[row] or {}
          table.insert(rows[row], { from = row == from_row and from or 0, to = row == to_row and to or math.huge, group = group })
        end
      end
    end
  end)
  return function(row, column, below)
    local group = 'Normal'
    for _, stretch in ipairs(rows[row] or {}) do
      if column >= stretch.from and column < stretch.to then
        group = stretch.group
      end
    end
    return colors.is_weak(group, below)
  end
end

--- Returns a function for some lines, end exclusive: whether the word at a position is hard to read on the background of a group.
---@param bufnr integer
---@param top integer
---@param bottom integer
---@return fovea.Weak
function M.of(bufnr, top, bottom)
  local highlighter = vim.treesitter.highlighter.active[bufnr]
  if highlighter then
    local ok, weak = pcall(by_treesitter, highlighter, bufnr, top, bottom)
    return ok and weak or function()
      return false
    end
  end
  if vim.bo[bufnr].syntax == '' then
    return function()
      return false
    end
  end
  return function(row, column, below)
    return vim.api.nvim_buf_call(bufnr, function()
      local id = vim.fn.synIDtrans(vim.fn.synID(row + 1, column + 1, 1))
      return id ~= 0 and colors.is_weak(vim.fn.synIDattr(id, 'name'), below)
    end)
  end
end

return M
