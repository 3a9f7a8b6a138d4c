--- The options of the user. `settings` goes to the server unchanged; the rest is for the plugin.
local M = {}

---@class fovea.HeatOptions
---@field color? string the color of the tones, '#rrggbb'; by default one for dark and one for light backgrounds
---@field strength? number how strong the strongest tone is, 0 to 1
---@field priority? integer of the extmarks; diagnostics have 150

---@class fovea.LensOptions
---@field enable? boolean

---@class fovea.HighlightOptions
---@field enable? boolean|'auto' whether the words that the word under the cursor draws on are marked; 'auto' is `true`

---@class fovea.Keys
---@field search? string|false
---@field similar? string|false
---@field compare? string|false

---@class fovea.Options
---@field cmd? string[]
---@field filetypes? string[] all by default
---@field root_markers? string[]
---@field heat? fovea.HeatOptions
---@field lens? fovea.LensOptions
---@field highlight? fovea.HighlightOptions
---@field keys? fovea.Keys|false `false`: no keys
---@field settings? table the section `fovea` of the server's settings

---@type fovea.Options
local defaults = {
  cmd = { 'fovea', 'serve' },
  filetypes = nil,
  root_markers = { '.git' },
  -- Above syntax (100), so that backgrounds of a theme do not hide it; below semantic tokens (125) and diagnostics (150).
  heat = { strength = 0.6, priority = 110 },
  lens = { enable = true },
  highlight = { enable = 'auto' },
  keys = {},
  settings = {},
}

---@type fovea.Options
M.options = vim.deepcopy(defaults)

---@param what string
---@return fun(value: any): boolean, string
local function is(what)
  return function(value)
    return type(value) == what, what
  end
end

---@param value any
---@return boolean, string
local function texts(value)
  return vim.islist(value or 0) and not vim.iter(value):any(function(one)
    return type(one) ~= 'string'
  end), 'a list of strings'
end

---@param value any
---@return boolean, string
local function key(value)
  return value == false or (type(value) == 'string' and value ~= ''), "a key such as 'grs', or false"
end

local key_options = { search = key, similar = key, compare = key }

--- The check of each option; a nested table has the checks of nested options.
local allowed = {
  cmd = function(value)
    return texts(value) and #value > 0, 'a list of strings, the program first'
  end,
  filetypes = texts,
  root_markers = texts,
  heat = {
    color = function(value)
      return type(value) == 'string' and value:find('^#%x%x%x%x%x%x$') ~= nil, "a color such as '#e8590c'"
    end,
    strength = function(value)
      return type(value) == 'number' and value >= 0 and value <= 1, 'a number from 0 to 1'
    end,
    priority = is('number'),
  },
  lens = { enable = is('boolean') },
  highlight = {
    enable = function(value)
      return type(value) == 'boolean' or value == 'auto', "true, false or 'auto'"
    end,
  },
  keys = function(value)
    if value == false then
      return true, ''
    end
    local fits = type(value) == 'table' and vim.iter(value):all(function(name, one)
      return key_options[name] ~= nil and (key_options[name](one))
    end)
    return fits, 'false, or keys for search, similar and compare'
  end,
  -- The server checks these, and reports invalid ones.
  settings = is('table'),
}

--- Returns the valid options of `given`, and adds problems with the others to `problems`.
---@param given table
---@param rules table
---@param prefix string
---@param problems string[]
---@return table
local function check(given, rules, prefix, problems)
  local good = {}
  for name, value in pairs(given) do
    local rule = rules[name]
    if not rule then
      table.insert(problems, ('there is no option %s%s'):format(prefix, name))
    elseif type(rule) == 'table' then
      if type(value) == 'table' then
        good[name] = check(value, rule, prefix .. name .. '.', problems)
      else
        table.insert(problems, ('%s%s should be a table'):format(prefix, name))
      end
    else
      local fits, what = rule(value)
      if fits then
        good[name] = value
      else
        table.insert(problems, ('%s%s should be %s'):format(prefix, name, what))
      end
    end
  end
  return good
end

--- The problems of the last options.
---@type string[]
M.problems = {}

--- Sets the options. Invalid ones keep their defaults, and the user gets a message.
---@param opts? fovea.Options
function M.set(opts)
  M.problems = {}
  local given = type(opts) == 'table' and opts or {}
  M.options = vim.tbl_deep_extend('force', vim.deepcopy(defaults), check(given, allowed, '', M.problems))
  table.sort(M.problems)
  if #M.problems > 0 then
    vim.notify('Fovea: ' .. table.concat(M.problems, '; '), vim.log.levels.WARN)
  end
end

--- The server's settings. Highlights are on in the server, because the plugin decides when to ask for them.
---@return table
function M.settings()
  local settings = vim.deepcopy(M.options.settings or {})
  -- A setting may be nested or have a dot in its name; the user's value has precedence.
  local chosen = settings['highlight.enable'] ~= nil or vim.tbl_get(settings, 'highlight', 'enable') ~= nil
  if M.options.highlight.enable ~= false and not chosen then
    settings = vim.tbl_deep_extend('keep', settings, { highlight = { enable = true } })
  end
  return { fovea = settings }
end

return M
