--- The twelve groups FoveaHeat1 to FoveaHeat12: the background of Normal, blended towards one colour.
local config = require('fovea.config')

local M = {}

M.levels = 12

---@param color integer 0xrrggbb
---@return integer[]
local function channels(color)
  return { math.floor(color / 0x10000) % 0x100, math.floor(color / 0x100) % 0x100, color % 0x100 }
end

---@param from integer[]
---@param to integer[]
---@param share number
---@return integer[]
local function blend(from, to, share)
  local mixed = {}
  for i = 1, 3 do
    mixed[i] = math.floor(from[i] + (to[i] - from[i]) * share + 0.5)
  end
  return mixed
end

--- The nearest colour of the 6 × 6 × 6 cube that 256-colour terminals have.
---@param rgb integer[]
---@return integer
local function cube(rgb)
  local index = 16
  for i, weight in ipairs({ 36, 6, 1 }) do
    local best, distance = 0, math.huge
    for step, value in ipairs({ 0, 95, 135, 175, 215, 255 }) do
      if math.abs(rgb[i] - value) < distance then
        best, distance = step - 1, math.abs(rgb[i] - value)
      end
    end
    index = index + weight * best
  end
  return index
end

---@type table<string, table>
local ours = {}

--- Sets a group, unless it is the user's or the theme's.
---@param name string
---@param definition vim.api.keyset.highlight
local function set(name, definition)
  local now = vim.api.nvim_get_hl(0, { name = name })
  if next(now) == nil or vim.deep_equal(now, ours[name]) then
    vim.api.nvim_set_hl(0, name, definition)
    ours[name] = vim.api.nvim_get_hl(0, { name = name })
  end
end

--- Computes the groups anew, for the colours in use now.
function M.define()
  local dark = vim.o.background == 'dark'
  local normal = vim.api.nvim_get_hl(0, { name = 'Normal', link = false })
  -- A terminal's own background cannot be asked for: assume black or white.
  local ground = channels(normal.bg or (dark and 0x101010 or 0xffffff))
  local wanted = config.options.heat.color or (dark and '#c2410c' or '#ff922b')
  local hottest = channels(tonumber(wanted:sub(2), 16))
  for level = 1, M.levels do
    local rgb = blend(ground, hottest, config.options.heat.strength * level / M.levels)
    set('FoveaHeat' .. level, {
      bg = string.format('#%02x%02x%02x', rgb[1], rgb[2], rgb[3]),
      ctermbg = cube(rgb),
    })
  end
  -- Text that the model cannot read: dimmed, never coloured as if its scores meant something.
  set('FoveaUnread', { link = 'DiagnosticUnnecessary' })
  -- In a comparison: the word under the cursor, and the one that it makes the most with.
  set('FoveaFocus', { bold = true, underline = true, cterm = { bold = true, underline = true } })
end

local group = vim.api.nvim_create_augroup('fovea_colors', {})
vim.api.nvim_create_autocmd('ColorScheme', { group = group, callback = M.define })
vim.api.nvim_create_autocmd('OptionSet', { group = group, pattern = 'background', callback = M.define })
M.define()

return M
