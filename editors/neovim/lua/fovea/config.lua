--- What the user chose. `settings` goes to the server as it stands; the rest is Neovim's side.
local M = {}

---@class fovea.HeatOptions
---@field color? string the colour of the hottest word, '#rrggbb'; one for dark and one for light backgrounds by default
---@field strength? number how much of it the hottest word gets, 0 to 1
---@field priority? integer of the extmarks; diagnostics have 150

---@class fovea.LensOptions
---@field enable? boolean

---@class fovea.HighlightOptions
---@field enable? boolean|'auto' 'auto': where no other server of the buffer highlights

---@class fovea.Options
---@field cmd? string[]
---@field filetypes? string[] all by default
---@field root_markers? string[]
---@field heat? fovea.HeatOptions
---@field lens? fovea.LensOptions
---@field highlight? fovea.HighlightOptions
---@field settings? table the section `fovea` of the server's settings

---@type fovea.Options
local defaults = {
  cmd = { 'fovea', 'serve' },
  filetypes = nil,
  root_markers = { '.git' },
  -- Above syntax (100), so that a theme's own backgrounds do not hide it; below semantic tokens (125) and diagnostics (150).
  heat = { strength = 0.6, priority = 110 },
  lens = { enable = true },
  highlight = { enable = 'auto' },
  settings = {},
}

---@type fovea.Options
M.options = vim.deepcopy(defaults)

---@param opts? fovea.Options
function M.set(opts)
  M.options = vim.tbl_deep_extend('force', vim.deepcopy(defaults), opts or {})
end

--- The server's settings. Highlights are switched on there, since here the plugin decides when to ask for them.
---@return table
function M.settings()
  local settings = vim.deepcopy(M.options.settings or {})
  if M.options.highlight.enable ~= false then
    settings = vim.tbl_deep_extend('keep', settings, { highlight = { enable = true } })
  end
  return { fovea = settings }
end

return M
